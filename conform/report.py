"""Writes the results: skipped rules by reason for people, JSON and JUnit's XML for programs."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Final
from xml.etree import ElementTree as ET

from conform.check import Outcome, Result

_NO_XML: Final = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def by_reason(results: Iterable[Result]) -> dict[str, list[str]]:
    """The rules of the skipped checks by the reason why they are skipped, each rule once."""
    found: dict[str, dict[str, None]] = {}
    for one in results:
        if one.outcome is Outcome.SKIPPED:
            found.setdefault(one.why, {})[one.rule] = None
    return {why: list(rules) for why, rules in found.items()}


def as_json(service: str, seed: int, results: Sequence[Result]) -> str:
    """One JSON document."""
    counts = Counter(one.outcome for one in results)
    document = {
        "service": service,
        "seed": seed,
        **{str(outcome): counts[outcome] for outcome in Outcome},
        "results": [asdict(one) for one in results],
    }
    return json.dumps(document, indent=2, ensure_ascii=False)


def as_junit(service: str, seed: int, results: Sequence[Result]) -> bytes:
    """A JUnit report: a test case for each check."""
    counts = Counter(one.outcome for one in results)
    suite = ET.Element(
        "testsuite",
        name=f"mesh conform {service}",
        tests=str(len(results)),
        failures=str(counts[Outcome.FAILED]),
        skipped=str(counts[Outcome.SKIPPED]),
        time=f"{sum(one.seconds for one in results):.3f}",
    )
    ET.SubElement(ET.SubElement(suite, "properties"), "property", name="seed", value=str(seed))
    for one in results:
        case = ET.SubElement(suite, "testcase", classname=one.rule, name=one.title, time=f"{one.seconds:.3f}")
        kind = {Outcome.FAILED: "failure", Outcome.SKIPPED: "skipped"}.get(one.outcome)
        if kind:
            ET.SubElement(case, kind, message=_NO_XML.sub("?", one.why))
    ET.indent(suite)
    written: bytes = ET.tostring(suite, encoding="utf-8", xml_declaration=True)
    return written
