"""The write of a service that checks may repeat, and the read that shows its effect."""

from dataclasses import dataclass
from typing import Any

from conform.check import Skip
from conform.golden import examples
from conform.kit import Kit
from ops.contracts.tree import EndpointContract


@dataclass(frozen=True)
class Write:
    """A keyed write that makes a row, and the endpoint that gets the row by `key`, a member of the write's reply."""

    create: EndpointContract
    get: EndpointContract
    key: str
    request: Any
    """The request of its golden file, with braces."""
    account: str

    @property
    def text(self) -> str:
        """A member of the request whose text the reply repeats."""
        both = self.create.request["properties"].keys() & self.create.reply["properties"].keys()
        texts = [name for name in both - {self.key} if "maxLength" in self.create.request["properties"][name]]
        if not texts:
            raise Skip("the write keeps no text")
        required = self.create.request.get("required", [])
        return str(min(texts, key=lambda name: (name not in required, name)))


def writes(kit: Kit) -> Write:
    """The write of the service. Raises Skip if there is none, or no token for it."""
    for create in (one for one in kit.endpoints if one.keyed and one.verified):
        for get in (one for one in kit.endpoints if one.read and one.subject == f"{one.service}.get"):
            required = get.request.get("required", [])
            found = examples(kit.material.examples, create.subject)
            made = not any(name in create.request["properties"] for name in ("expected_version", "reason"))
            by_id = required and required[0] in create.reply["properties"]
            if made and by_id and found and found[0].request.keys() != get.request["properties"].keys():
                account = found[0].account or "admin"
                kit.token(account)
                return Write(create, get, required[0], found[0].request, account)
    raise Skip("the service has no write that keeps Idempotency-Keys and makes a row")
