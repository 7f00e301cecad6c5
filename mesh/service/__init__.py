"""The worker's side: handlers, queue, deadlines, subscriptions, health, idempotency."""
