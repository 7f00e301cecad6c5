"""How a worker answers: queue, deadlines, subscriptions, health, idempotency."""
