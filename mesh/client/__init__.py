"""The client's side: typed calls, retries, hedging, adaptive limit, circuit breaker."""
