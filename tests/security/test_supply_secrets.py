"""No secret stands in a file that git keeps, or would keep: a search for the forms that secrets have."""

import base64
import re
import secrets
import subprocess
from collections.abc import Callable
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from ops.nkeys import new_seed
from tests.support.paths import ROOT

FORMS = {
    "private key": r"-----BEGIN [A-Z ]*PRIVATE KEY-----",
    "private key as a JWK": r'"d"\s*:\s*"([\w-]{43})"',
    "seed of an nkey": r"\bS[UACNOX][A-Z2-7]{56}\b",
    "JSON web token": r"\beyJ[\w-]{10,}\.[\w-]{2,}\.[\w-]{16,}",
    "password in a URL": r"\b[a-z][a-z0-9+.-]*://[^\s:/?#@\"'`{}$]*:([^\s/?#@\"'`{}$<>]+)@[\w\[]",
    "32 bytes for a setting": r"(?i)(?:key|secret|token|seed|password)[\"']?\s*[:=]\s*[\"']?([\w+/-]{43}=?)(?![\w+/-])",
    "key of AWS": r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",
    "token of a forge": r"\b(?:gh[oprsu]_\w{36}|github_pat_\w{22,}|glpat-[\w-]{20,})",
    "token of a package registry": r"\b(?:npm_\w{36}|pypi-[\w-]{32,})",
    "token of a web service": r"\b(?:xox[abeoprs]-[\w-]{10,}|AIza[\w-]{35}|sk_live_\w{16,})",
}
SEARCHES = {form: re.compile(pattern) for form, pattern in FORMS.items()}

STAND_INS = {"password", "pass%2Fword", "word", "s3cret", "s3c", "lovelace", "A" * 43, "A" * 43 + "="}
"""What examples and tests write where a secret would be: a reader sees that it opens nothing."""

VECTORS = {"tests/contract/vectors/tokens.json": "JSON web token"}
"""Tokens whose key stands beside them: no mesh accepts it."""


def found(text: str) -> list[tuple[int, str]]:
    """The line and the form of each secret in the text. Not the secret: this is printed."""
    return [
        (text.count("\n", 0, match.start()) + 1, form)
        for form, search in SEARCHES.items()
        for match in search.finditer(text)
        if match[match.lastindex or 0] not in STAND_INS
    ]


def kept() -> list[Path]:
    """What git keeps, and what it would at the next `git add`."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [path for name in listed.split("\0") if (path := ROOT / name).is_file()]


def test_no_file_of_the_repository_holds_a_secret() -> None:
    files = kept()
    assert Path(__file__) in files
    secrets_in = {
        name: [one for one in found(path.read_text(errors="replace")) if one[1] != VECTORS.get(name)]
        for path in files
        for name in [str(path.relative_to(ROOT))]
    }
    assert {} == {name: lines for name, lines in secrets_in.items() if lines}


SAMPLES: dict[str, Callable[[], str]] = {
    "private key": lambda: (
        Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    ),
    "private key as a JWK": lambda: f'{{"kty": "OKP", "d": "{secrets.token_urlsafe(32)}"}}',
    "seed of an nkey": new_seed,
    "JSON web token": lambda: jwt.encode({"sub": "ada"}, secrets.token_bytes(32)),
    "password in a URL": lambda: f"postgresql://ada:{secrets.token_urlsafe(12)}@db.example/customers",
    "32 bytes for a setting": lambda: f"AUTH_KEY_ENCRYPTION_KEY={base64.b64encode(secrets.token_bytes(32)).decode()}",
    "key of AWS": lambda: f"AKIA{secrets.token_hex(8).upper()}",
    "token of a forge": lambda: f"ghp_{secrets.token_hex(18)}",
    "token of a package registry": lambda: f"npm_{secrets.token_hex(18)}",
    "token of a web service": lambda: f"xoxb-{secrets.token_hex(12)}",
}


@pytest.mark.parametrize("form", FORMS)
def test_a_secret_of_each_form_would_be_found(form: str) -> None:
    assert [(2, form)] == found(f"first line\n  value = {SAMPLES[form]()}\n")
