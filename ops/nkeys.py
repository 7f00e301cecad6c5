"""Who somebody is at NATS: a seed, which is secret, and the public key in nats.conf that goes with it."""

from __future__ import annotations

import secrets

import nkeys

DEPLOYER = "deployer"
PEOPLE = ("operator", DEPLOYER, "system")
"""Who looks after the mesh, who makes its streams, and who looks after NATS."""


def new_seed() -> str:
    """Make a user's seed: 58 letters and digits, `SU…`."""
    seed: bytes = nkeys.encode_seed(secrets.token_bytes(32), nkeys.PREFIX_BYTE_USER)
    return seed.decode()


def public_key(seed: str) -> str:
    """Tell a seed's public key: 56 letters and digits, `U…`."""
    key: bytes = nkeys.from_seed(bytearray(seed.encode())).public_key
    return key.decode()


def variable(user: str) -> str:
    """Name the environment variable from which nats.conf takes a user's public key."""
    return f"NATS_{user.upper()}_NKEY"
