"""A configuration of NATS with two users, of whom one may answer."""

USERS = """
authorization {
  users: [
    { user: alice, password: a, permissions: {
        publish: { allow: ["open.>"] }, subscribe: { allow: ["_INBOX_alice.>", "open.>"] }, allow_responses: true } }
    { user: bob, password: b, permissions: {
        publish: { allow: ["open.>"] }, subscribe: { allow: ["_INBOX_bob.>"] } } }
  ]
}
"""
