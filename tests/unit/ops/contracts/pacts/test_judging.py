"""Pact's own verifier judges replies by our pacts: what a consumer reads must be there, and nothing else."""

import json
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from typing import Any

import pytest

from ops.contracts.pacts.judging import Answer, Outcome, judged
from ops.contracts.pacts.reading import Interaction
from tests.support.contract import golden
from tests.support.long_form import LONG

Known = Mapping[tuple[str, str], Interaction]
Reply = dict[str, Any]


def renamed(reply: Reply) -> None:
    reply["company"] = reply.pop("company_name")


CASES: dict[str, tuple[Callable[[Reply], object], str]] = {
    "as it is": (lambda _: None, "customers answers what gateway reads"),
    "without an unread field": (lambda reply: reply.pop("archived_at"), "customers answers what gateway reads"),
    "with a new field": (lambda reply: reply.update(news=[]), "customers answers what gateway reads"),
    "null where it may be": (lambda reply: reply.update(fax=None), "customers answers what gateway reads"),
    "a renamed field": (renamed, "gateway breaks: the reply lacks `company_name`"),
    "another type": (
        lambda reply: reply.update(version="1"),
        "gateway breaks: `version` of the reply: expected '1' (String) to be an integer",
    ),
    "nothing": (lambda reply: reply.clear(), "gateway breaks: the reply lacks `address`, `city`"),
}


def test_a_sentence_names_the_consumer_and_what_it_lacks(interactions: Known) -> None:
    one = interactions["gateway", "customers.get"]
    replies = [deepcopy(golden.sample("customers.get")) for _ in CASES]
    for reply, (edit, _) in zip(replies, CASES.values(), strict=True):
        edit(reply)

    verdicts = judged([Answer(one, json.dumps(reply).encode()) for reply in replies])

    for verdict, (name, (_, said)) in zip(verdicts, CASES.items(), strict=True):
        assert verdict.sentence.startswith(f"customers.get: {said}"), name
    kept = [verdict.outcome is Outcome.KEPT for verdict in verdicts]
    assert ["breaks" not in said for _, said in CASES.values()] == kept


@pytest.mark.parametrize(
    ("answer", "outcome", "said"),
    [
        ({"body": b"<html>"}, Outcome.BROKEN, "gateway reads JSON, and the reply is none"),
        ({"body": b"[" * 100_000}, Outcome.BROKEN, "gateway reads JSON, and the reply is none"),
        ({"refused": "`not_found` (404)"}, Outcome.BROKEN, "customers refuses what gateway sends: `not_found` (404)"),
        ({"untried": "not tried: no token"}, Outcome.SKIPPED, "not tried: no token"),
    ],
)
def test_what_cannot_be_compared_is_judged_too(
    answer: dict[str, Any], outcome: Outcome, said: str, interactions: Known
) -> None:
    [verdict] = judged([Answer(interactions["gateway", "customers.get"], **answer)])
    assert (outcome, f"customers.get: {said}") == (verdict.outcome, verdict.sentence)


def test_each_field_that_is_read_is_missed_and_no_type_is_mistaken(interactions: Known) -> None:
    """Each place of what is expected is removed, set to null, and given another type."""
    chosen = [one for one in interactions.values() if LONG or one.description == "products.categories.list"]
    edited = [(answer, outcome) for one in chosen for answer, outcome in _edited(one)]

    verdicts = judged([answer for answer, _ in edited])

    assert len(edited) > 10
    assert [outcome for _, outcome in edited] == [verdict.outcome for verdict in verdicts]


def _edited(one: Interaction) -> Iterator[tuple[Answer, Outcome]]:
    expected = one.document["response"][0]
    rules, content = expected["matchingRules"]["body"], expected["contents"]["content"]
    for path, rule in _places(content, (), "$"):
        nullable = rules[rule]["combine"] == "OR"
        other = "odd" if isinstance(_at(content, path), dict) else {"odd": 1}
        yield Answer(one, _with(content, path, None)), Outcome.KEPT if nullable else Outcome.BROKEN
        yield Answer(one, _with(content, path, other)), Outcome.BROKEN
        if isinstance(path[-1], str):
            yield Answer(one, _with(content, path, ...)), Outcome.BROKEN


def _places(value: object, path: tuple[str | int, ...], rule: str) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Each place in the content, with the path of its rule."""
    if isinstance(value, dict):
        for name, below in value.items():
            yield (*path, name), f"{rule}.{name}"
            yield from _places(below, (*path, name), f"{rule}.{name}")
    elif isinstance(value, list):
        yield (*path, 0), f"{rule}[*]"
        yield from _places(value[0], (*path, 0), f"{rule}[*]")


def _at(content: Any, path: tuple[str | int, ...]) -> Any:  # noqa: ANN401  # any JSON
    for step in path:
        content = content[step]
    return content


def _with(content: object, path: tuple[str | int, ...], value: object) -> bytes:
    """The content with another value there; without one for the ellipsis."""
    edited = deepcopy(content)
    place = _at(edited, path[:-1])
    if value is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return json.dumps(edited).encode()
