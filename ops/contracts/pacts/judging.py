"""Says which consumers a reply breaks, and why: Pact's verifier compares, and a sentence tells."""

import base64
import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from ops.contracts.compatibility.finding import listed
from ops.contracts.document import as_text, read_json
from ops.contracts.pacts.reading import Interaction

_TOOL: Final = "ops.contracts.pacts.tool"
_WITHIN: Final = 120
"""Seconds."""
_SHOWN: Final = 3
"""Differences of one reply that a sentence tells; further ones are counted."""
_OF_PROXIES: Final = frozenset({"http_proxy", "https_proxy", "all_proxy"})


class Outcome(StrEnum):
    """What became of one interaction."""

    KEPT = "kept"
    BROKEN = "broken"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Answer:
    """What came back: the body of a reply, or why there is none."""

    interaction: Interaction
    body: bytes | None = None
    refused: str = ""
    """The error that came in place of a reply: it breaks the consumer."""
    untried: str = ""
    """Why the request was not sent."""


@dataclass(frozen=True)
class Verdict:
    """What became of one interaction, in a sentence."""

    consumer: str
    provider: str
    description: str
    outcome: Outcome
    sentence: str


class ToolError(Exception):
    """Pact's verifier is not installed, or it failed. The text says which."""


def judged(answers: Sequence[Answer]) -> list[Verdict]:
    """A verdict for each answer, in their order. Raises ToolError."""
    compared = {str(number): one for number, one in enumerate(answers) if one.body is not None and _is_json(one.body)}
    differences = _differences(compared) if compared else {}
    return [_verdict(one, differences.get(str(number), ())) for number, one in enumerate(answers)]


def _verdict(answer: Answer, differences: Sequence[str]) -> Verdict:
    one = answer.interaction
    if answer.untried:
        outcome, why = Outcome.SKIPPED, answer.untried
    elif answer.body is None:
        outcome, why = Outcome.BROKEN, f"{one.provider} refuses what {one.consumer} sends: {answer.refused}"
    elif not _is_json(answer.body):
        outcome, why = Outcome.BROKEN, f"{one.consumer} reads JSON, and the reply is none"
    elif differences:
        more = f", and {len(differences) - _SHOWN} more" if len(differences) > _SHOWN else ""
        outcome, why = Outcome.BROKEN, f"{one.consumer} breaks: {'; '.join(differences[:_SHOWN])}{more}"
    else:
        outcome, why = Outcome.KEPT, f"{one.provider} answers what {one.consumer} reads"
    return Verdict(one.consumer, one.provider, one.description, outcome, f"{one.description}: {why}")


def _is_json(body: bytes) -> bool:
    try:
        json.loads(body)
    except (ValueError, RecursionError):
        return False
    return True


def _differences(compared: Mapping[str, Answer]) -> dict[str, list[str]]:
    """Where each reply differs from what its consumer reads, by the number of the answer. Raises ToolError."""
    if find_spec("pact") is None:
        raise ToolError("this needs Pact's verifier: pip install 'northwind-mesh[pacts]'")
    with TemporaryDirectory(prefix="mesh-pacts-") as scratch:
        folder = Path(scratch)
        _write(folder, compared)
        results = _run(folder)
    judged = {one["description"]: one for one in results["interactionResults"]}
    if lacking := compared.keys() - judged.keys():
        raise ToolError(f"Pact's verifier did not judge {len(lacking)} of {len(compared)} interactions")
    return {name: _told(one) for name, one in judged.items() if one["result"] != "OK"}


def _write(folder: Path, compared: Mapping[str, Answer]) -> None:
    """Write what the tool reads: one file for each pair, with numbers for descriptions, which need not be unique."""
    pairs: dict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for name, answer in compared.items():
        one = answer.interaction
        # The states are made and the request is sent: the tool has but to compare.
        pairs[one.consumer, one.provider].append({**one.document, "description": name, "providerStates": []})
    (folder / "pacts").mkdir()
    for number, ((consumer, provider), interactions) in enumerate(pairs.items()):
        pact = {
            "consumer": {"name": consumer},
            "provider": {"name": provider},
            "interactions": interactions,
            "metadata": {"pactSpecification": {"version": "4.0"}},
        }
        (folder / "pacts" / f"{number}.json").write_text(as_text(pact), encoding="utf-8")
    replies = {name: base64.b64encode(one.body or b"").decode() for name, one in compared.items()}
    (folder / "replies.json").write_text(json.dumps(replies), encoding="utf-8")


def _run(folder: Path) -> dict[str, Any]:
    # A proxy would get the requests to localhost. Pact reports its use to its makers unless told not to.
    kept = {name: value for name, value in os.environ.items() if name.lower() not in _OF_PROXIES}
    environment = {**kept, "PACT_DO_NOT_TRACK": "true"}
    root = Path(__file__).resolve().parents[3]
    try:
        done = subprocess.run(  # noqa: S603  # our own module
            [sys.executable, "-m", _TOOL, str(folder)],
            cwd=root,
            env=environment,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=_WITHIN,
        )
        if done.returncode == 0:
            return read_json(folder / "results.json")
    except (OSError, subprocess.TimeoutExpired, ValueError) as error:
        raise ToolError(f"Pact's verifier failed: {error}") from None
    said = (done.stderr or done.stdout).strip().splitlines() or [f"status {done.returncode}"]
    raise ToolError(f"Pact's verifier failed: {said[-1]}")


def _told(result: Mapping[str, Any]) -> list[str]:
    mismatches: Iterable[Mapping[str, str]] = result.get("mismatch", {}).get("mismatches", ())
    said = [_difference(one) for one in sorted(mismatches, key=lambda one: one.get("path", ""))]
    return said or [str(result.get("mismatch", "Pact's verifier does not say why"))]


def _difference(mismatch: Mapping[str, str]) -> str:
    path = mismatch.get("path", "$").removeprefix("$").removeprefix(".")
    place = f"`{path}` of the reply" if path else "the reply"
    said = mismatch.get("mismatch", "")
    if "missing the following keys" in said:
        lacking = sorted(set(json.loads(mismatch["expected"])) - set(json.loads(mismatch["actual"])))
        return f"{place} lacks {listed([f'`{name}`' for name in lacking])}"
    return f"{place}: {said[:1].lower()}{said[1:]}"
