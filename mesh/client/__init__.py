"""How a process asks others: retries, hedges, budgets, circuit breaker, discovery."""
