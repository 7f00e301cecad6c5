"""Describes responses with a problem: an example for each reason, the headers, and those that operations share."""

from collections import Counter
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any, Final

from gateway.openapi.headers import of_problem
from gateway.problems import RETRY_AFTER, STATUS
from gateway.semantics.problem_types import problem_types, type_of
from mesh.core.errors import Code, FieldError
from mesh.wire.field_reasons import FieldReason
from mesh.wire.names import PROBLEM_JSON
from mesh.wire.problem import Problem

Kind = tuple[int, tuple[str, ...]]
"""A status, and the reasons that may lead to it."""

_FIELDS: Final = frozenset({"invalid_payload", "invalid_request"})
_FIELD: Final = FieldError(field="limit", reason=FieldReason.TOO_LARGE, message="must be at most 200")


def described(kind: Kind) -> dict[str, Any]:
    """OpenAPI's description of a response. Its examples are among the components."""
    status, reasons = kind
    examples = {name: {"$ref": f"#/components/examples/{_name(name, status)}"} for name in reasons}
    content = {"schema": {"$ref": "#/components/schemas/Problem"}, **({"examples": examples} if examples else {})}
    return {
        "description": HTTPStatus(status).phrase,
        "headers": of_problem(status, reasons),
        "content": {PROBLEM_JSON: content},
    }


def shared(kinds: Iterable[Kind]) -> dict[Kind, str]:
    """The name of each response that most operations with its status have, and more than one."""
    names: dict[Kind, str] = {}
    taken = set()
    for kind, times in sorted(Counter(kinds).items(), key=lambda counted: (-counted[1], counted[0])):
        status = kind[0]
        if times > 1 and status not in taken:
            taken.add(status)
            names[kind] = HTTPStatus(status).phrase.title().replace(" ", "").replace("-", "")
    return names


def examples(kinds: Iterable[Kind], codes: Mapping[str, Code]) -> dict[str, Any]:
    """A problem for each reason, by the name of the example. `codes`: of the reasons of workers."""
    pairs = {(reason, status) for status, reasons in kinds for reason in reasons}
    return {_name(*pair): _example(*pair, codes) for pair in sorted(pairs)}


def _name(reason: str, status: int) -> str:
    """The reason, with the status if it has another one elsewhere."""
    known = problem_types().get(reason)
    return reason if known is None or known.status == status else f"{reason}_{status}"


def _example(reason: str, status: int, codes: Mapping[str, Code]) -> dict[str, Any]:
    known = problem_types().get(reason)
    code = codes.get(reason) or _CODES.get(status, Code.INVALID_ARGUMENT)
    value = Problem.of(
        code,
        reason,
        known.meaning if known else code.summary,
        request_id="7b8491522e55404987d3d9cf63579d81",
        errors=(_FIELD,) if reason in _FIELDS else (),
        type_=type_of(reason, code),
        status=status,
        retry_after=1 if status in RETRY_AFTER else None,
        current_version=4 if reason == "version_mismatch" else None,
    )
    words = {"summary": known.meaning, "description": known.what_to_do} if known else {}
    return {**words, "value": value.model_dump(mode="json", exclude_none=True)}


_CODES: Final = {
    **{status: code for code, status in STATUS.items()},
    408: Code.DEADLINE_EXCEEDED,
    412: Code.CONFLICT,
    500: Code.INTERNAL,
}
"""The code of the gateway's own reasons, by status. The other ones are invalid arguments."""
