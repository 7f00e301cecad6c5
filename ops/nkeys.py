"""nkeys of NATS users: a secret seed, and the public key for nats.conf."""

from __future__ import annotations

import secrets

import nkeys

DEPLOYER = "deployer"
CONSOLE = "console"
PEOPLE = ("operator", DEPLOYER, CONSOLE, "system")
"""NATS users for people: one operates the mesh, one creates its streams, one shows it, one operates NATS."""


def new_seed() -> str:
    """Generate a user's seed: 58 letters and digits, `SU…`."""
    seed: bytes = nkeys.encode_seed(secrets.token_bytes(32), nkeys.PREFIX_BYTE_USER)
    return seed.decode()


def public_key(seed: str) -> str:
    """The public key of a seed: 56 letters and digits, `U…`."""
    key: bytes = nkeys.from_seed(bytearray(seed.encode())).public_key
    return key.decode()


def variable(user: str) -> str:
    """The environment variable from which nats.conf reads a user's public key."""
    return f"NATS_{user.upper()}_NKEY"
