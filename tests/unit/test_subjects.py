import ast
import re
from pathlib import Path

import subjects
from contracts.base import Reason
from mesh.core.endpoint import Access, Endpoint
from mesh.core.reasons import COMMON, KEYED, VERIFIED

SOURCE = Path(subjects.__file__)
REASONS = [kind for kind in Reason.__subclasses__() if kind.__module__.startswith("contracts.")]


def test_subjects_imports_only_contracts_and_mesh() -> None:
    imported = set()
    for node in ast.walk(ast.parse(SOURCE.read_text())):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            imported.add((node.module or "").partition(".")[0])
    assert {"contracts", "mesh"} == imported - {"typing"}


def test_every_constant_is_named_after_its_subject() -> None:
    for name, value in vars(subjects).items():
        if isinstance(value, Endpoint):
            assert name == value.subject.replace(".", "_").upper()


def test_no_subject_is_declared_twice() -> None:
    declared = [endpoint.subject for endpoint in subjects.ENDPOINTS]
    assert sorted(set(declared)) == sorted(declared)


def test_names_in_discovery_are_unique_within_a_service() -> None:
    names = [(endpoint.service, endpoint.name) for endpoint in subjects.ENDPOINTS]
    assert len(set(names)) == len(names)


def test_what_changes_something_for_a_user_is_verified_by_the_worker() -> None:
    for endpoint in subjects.ENDPOINTS:
        if endpoint.access is Access.ADMIN or not endpoint.idempotent:
            assert endpoint.verified or endpoint.access is Access.ANYONE, endpoint.subject


def test_an_endpoint_declares_its_own_reasons_alone() -> None:
    implied = COMMON.keys() | VERIFIED.keys() | KEYED.keys()
    assert [] == [one.subject for one in subjects.ENDPOINTS if implied & {reason.value for reason in one.reasons}]


def test_every_reason_of_a_contract_is_declared_by_an_endpoint_of_its_service() -> None:
    declared = {(endpoint.service, reason) for endpoint in subjects.ENDPOINTS for reason in endpoint.reasons}
    existing = {(kind.__module__.removeprefix("contracts."), reason) for kind in REASONS for reason in kind}
    assert existing == declared


def test_every_write_of_an_administrator_may_be_repeated() -> None:
    writes = [one for one in subjects.ENDPOINTS if one.access is Access.ADMIN]
    assert [] == [one.subject for one in writes if not (one.keyed or one.idempotent)]


def test_the_contract_package_owns_each_payload() -> None:
    for endpoint in subjects.ENDPOINTS:
        for shape in (endpoint.request, endpoint.reply):
            assert re.fullmatch(rf"contracts\.{endpoint.service}(_\w+)?", shape.__module__), endpoint.subject


def test_every_refusal_of_a_request_model_is_strict_and_closed() -> None:
    for endpoint in subjects.ENDPOINTS:
        schema = endpoint.requests.json_schema()
        assert False is schema["additionalProperties"], endpoint.subject
        assert endpoint.request.model_config["strict"]
