"""What each group of operations is about."""

from typing import Final

TAGS: Final = {
    "auth": "Accounts, sessions and access tokens. Register, log in, and send the access token with each request.",
    "customers": "The customers of Northwind. Users read them; administrators change them.",
    "products": "Products and their stock, categories and suppliers. Anyone reads them; administrators change them.",
    "cart": "The cart of the current user, up to its order.",
    "orders": "Orders, from `placed` to `delivered`. Users see their own.",
    "shipments": "Shipments of confirmed orders.",
    "notifications": "What was sent to the current user, and the webhook to send it to.",
    "several reads": "What a page needs, in one request.",
    "events": "The events of orders as they happen.",
    "users": "All accounts, for administrators.",
    "audit": "Who did what to which account, for administrators.",
    "health": "Probes for a supervisor and a load balancer.",
    "about": "Where to begin, and what each problem means.",
}
"""A description for each tag, in the order in which documentation shows them."""
