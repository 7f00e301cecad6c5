"""The names that follow from a service's or a subject's name, and which names are refused."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from keyword import iskeyword, issoftkeyword
from typing import Final

from cli.scaffold.errors import ScaffoldError
from cli.scaffold.reserved import OF_SQL, RESERVED
from cli.scaffold.templates import class_names

_TOKEN: Final = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_LONGEST: Final = 30
_MOST_TOKENS: Final = 3


@dataclass(frozen=True)
class ServiceNames:
    """What a service `gift_cards` is called in each place."""

    name: str
    """`gift_cards`: also its subjects' first token, its table, its NATS user."""

    @property
    def package(self) -> str:
        """`gift_cards_svc`."""
        return f"{self.name}_svc"

    @property
    def item(self) -> str:
        """`gift_card`: one of what it keeps. A name without a plural stands for both."""
        for ending, singular in (("ies", "y"), ("sses", "ss"), ("xes", "x"), ("ches", "ch"), ("shes", "sh")):
            if self.name.endswith(ending):
                return self.name.removesuffix(ending) + singular
        return self.name if self.name.endswith(("ss", "us")) else self.name.removesuffix("s")

    def words(self) -> dict[str, str]:
        """Each name that the templates use."""
        return {
            "name": self.name,
            "package": self.package,
            "constant": self.name.upper(),
            "path": self.name.replace("_", "-"),
            "Service": camel(self.name),
            "plural": self.name.replace("_", " "),
            "item": self.item,
            "Item": camel(self.item),
            "one": self.item.replace("_", " "),
        }


@dataclass(frozen=True)
class EndpointNames:
    """What an endpoint `customers.count` is called in each place."""

    service: str
    verb: str
    """The other tokens of its subject, with their dots."""

    @property
    def method(self) -> str:
        """The method of the handlers and of the repository: `count`."""
        return self.verb.replace(".", "_")

    def words(self) -> dict[str, str]:
        """Each name that the templates use."""
        request = camel(self.method) + camel(self.service)
        plain = self.method.replace("_", " ")
        return {
            "name": self.service,
            "subject": f"{self.service}.{self.verb}",
            "constant": f"{self.service}_{self.method}".upper(),
            "method": self.method,
            "path": self.verb.replace(".", "/").replace("_", "-"),
            "Request": request,
            "Reply": f"{request}Reply",
            "summary": f"{plain.capitalize()} {self.service.replace('_', ' ')}",
        }


def camel(name: str) -> str:
    """`GiftCards`, of `gift_cards`."""
    return name.title().replace("_", "")


def service_names(name: str, services: Iterable[str]) -> ServiceNames:
    """The names of a new service beside these. Raises ScaffoldError for a name that cannot be had."""
    _require_token(name)
    services = tuple(services)
    if name in services:
        raise ScaffoldError(f"there is a service {name} already")
    if name in RESERVED:
        raise ScaffoldError(f"{name} has another meaning in this project: choose another name")
    if name in OF_SQL:
        raise ScaffoldError(f"{name} is a word of SQL, and cannot name a table: choose another name")
    for other in services:
        first, second = sorted((name, other), key=len)
        if second.startswith(f"{first}_"):
            raise ScaffoldError(f"the variables of {name} and {other} would both begin with {first.upper()}_")
    names = ServiceNames(name)
    for one in (camel(names.item), camel(name)):
        if one in class_names():
            raise ScaffoldError(f"{one} is the name of a class that every service uses: choose another name")
    return names


def endpoint_names(subject: str, services: Iterable[str], subjects: Iterable[str]) -> EndpointNames:
    """The names of a new endpoint beside these. Raises ScaffoldError for a subject that cannot be had."""
    service, _, verb = subject.partition(".")
    if not verb:
        raise ScaffoldError(f"{subject}: name the service and the verb, such as customers.count")
    if service not in services:
        raise ScaffoldError(f"there is no service {service}: {', '.join(services)}")
    tokens = verb.split(".")
    if len(tokens) > _MOST_TOKENS:
        raise ScaffoldError(f"{subject}: a subject has at most {_MOST_TOKENS + 1} tokens")
    for token in tokens:
        _require_token(token)
    if subject in subjects:
        raise ScaffoldError(f"there is an endpoint {subject} already")
    return EndpointNames(service, verb)


def _require_token(name: str) -> None:
    if not _TOKEN.fullmatch(name):
        raise ScaffoldError(f"{name!r}: a name has lower-case letters, digits and single underscores, a letter first")
    if len(name) > _LONGEST:
        raise ScaffoldError(f"{name}: a name has at most {_LONGEST} characters")
    if iskeyword(name) or issoftkeyword(name):
        raise ScaffoldError(f"{name} is a word of Python: choose another name")
