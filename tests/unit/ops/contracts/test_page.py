"""contracts.html and contracts.md: everything is there, escaped, and nothing comes from the internet."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest

from contracts.base import Reply, Request
from mesh.core.endpoint import Access, Endpoint
from mesh.core.event import Event
from ops.contracts.asyncapi import Illustrated
from ops.contracts.document import Declared
from ops.contracts.examples import EndpointExample, EventExample
from ops.contracts.markdown import markdown
from ops.contracts.page.render import page
from ops.contracts.rows import kind, rows
from ops.process import Process
from subjects import ENDPOINTS, EVENTS

EVIL = "<script>alert('`<b>`')</script>"


class Elements(HTMLParser):
    """The elements of a page with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def values(self, name: str) -> Iterator[str]:
        return (found for _, attributes in self.found if (found := attributes.get(name)))


@pytest.fixture(scope="module")
def elements(declared: Declared, shown: Illustrated) -> Elements:
    return Elements(page(declared, shown))


def test_every_subject_event_reason_and_part_has_a_place_that_links_reach(
    elements: Elements, shown: Illustrated
) -> None:
    places = list(elements.values("id"))
    assert len(places) == len(set(places))
    assert {one.subject for one in ENDPOINTS} <= set(places)
    assert {one.subject for one in EVENTS} <= set(places)
    assert {f"reason-{name}" for name in shown.reasons} <= set(places)
    inside = {link[1:] for link in elements.values("href") if link.startswith("#")}
    assert "shape-CustomerPatch" in inside
    assert set() == inside - set(places)


def test_the_page_needs_no_internet(elements: Elements) -> None:
    assert [] == [value for name in ("src", "href") for value in elements.values(name) if "//" in value]
    assert {"script", "style"} <= {tag for tag, _ in elements.found}
    assert any("default-src 'none'" in content for content in elements.values("content"))


class Ask(Request):
    __doc__ = EVIL
    name: str


class Answer(Reply):
    __doc__ = EVIL
    name: str


def test_what_the_contracts_say_is_escaped(shown: Illustrated) -> None:
    endpoint: Endpoint[Any, Any] = Endpoint("evil.ask", Ask, Answer, Access.ANYONE)
    event: Event[Any] = Event("events.evil.asked", Answer)
    declared = Declared([endpoint], [event], [Process(EVIL, package="evil", calls=(endpoint,), hears=(event,))])
    examples = EndpointExample({"name": EVIL}, {"name": EVIL}, (EVIL,))
    evil = Illustrated(
        {endpoint.subject: examples}, {event.subject: EventExample({"name": EVIL}, {})}, shown.reasons, {}
    )
    text = page(declared, evil)
    tags = [tag for tag, _ in Elements(text).found]
    assert (1, 0) == (tags.count("script"), tags.count("b"))
    assert text.count("alert(") > len(("doc", "request", "reply", "event"))


def test_markdown_has_a_row_for_each_subject_event_and_reason(declared: Declared, shown: Illustrated) -> None:
    found = re.findall(r"^\| `([\w.]+)` \|", markdown(declared, shown), re.MULTILINE)
    assert [*(one.subject for one in ENDPOINTS), *(one.subject for one in EVENTS), *shown.reasons] == found


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": ["string", "null"]}, "string or null"),
        ({"type": "string", "format": "date-time"}, "date-time"),
        ({"anyOf": [{"$ref": "#/$defs/Order"}, {"type": "null"}]}, "Order or null"),
        ({"type": "array", "items": {"$ref": "#/$defs/Order"}}, "list of Order"),
        ({"type": "array", "items": {"type": "array", "items": {"type": "integer"}}}, "list of list of integer"),
        ({"enum": ["a", "b"], "type": "string"}, "a or b"),
        ({"const": True}, "the constant true"),
        ({"const": "x"}, 'the constant "x"'),
        ({}, "any value"),
    ],
)
def test_a_type_in_words(schema: dict[str, Any], words: str) -> None:
    assert words == str(kind(schema))


def test_a_row_has_bounds_marks_and_pattern() -> None:
    field = {"type": "array", "minItems": 1, "items": {"type": "integer", "minimum": 1, "maximum": 9}}
    secret = {"type": "string", "maxLength": 4, "pattern": "^a", "x-secret": True, "default": "a"}
    listed, hidden = rows({"properties": {"ids": field, "word": secret}, "required": ["ids"]})
    assert (True, ("at least 1 item", "each 1 to 9")) == (listed.required, listed.notes)
    assert (False, "^a") == (hidden.required, hidden.pattern)
    assert ("at most 4 characters", 'default "a"', "secret: never log it") == hidden.notes
