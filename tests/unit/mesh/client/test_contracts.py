import pytest
from pydantic import BaseModel

from mesh.client.contracts import Compared, compared
from mesh.wire.discovery import InstanceDocument, read_document
from tests.support.mesh.sample_service import SAY, SHOUT

SAME = SAY.contract_hash()


class Shouted(BaseModel):
    loudness: int


def document(name: str = "sample", version: str | None = "0.9.0", **hashes: str | None) -> InstanceDocument:
    endpoints = [
        {"subject": f"sample.{verb}", "metadata": None if contract is None else {"contract": contract}}
        for verb, contract in hashes.items()
    ]
    metadata = None if version is None else {"contract_version": version}
    return InstanceDocument.model_validate(
        {"name": name, "id": "i1", "version": "3.2.1", "metadata": metadata, "endpoints": endpoints}
    )


@pytest.mark.parametrize(
    ("found", "compares", "differs"),
    [
        (document(say=SAME), 1, ()),
        (document(say="0" * 12), 1, ("sample.say",)),
        (document(say="0" * 12, shout=SHOUT.contract_hash()), 1, ("sample.say",)),
        (document(say=None), 0, ()),
        (document(sing="0" * 12), 0, ()),
        (document(), 0, ()),
        (document(name="other", say="0" * 12), 0, ()),
    ],
    ids=["same", "differs", "one of two", "tells no hash", "another subject", "no endpoints", "another service"],
)
def test_an_instance_differs_by_the_hash_of_what_both_have(
    found: InstanceDocument, compares: int, differs: tuple[str, ...]
) -> None:
    [one] = compared([found], [SAY, SHOUT])
    assert Compared(found.name, "i1", "0.9.0", known=bool(compares), differs=differs) == one


def test_another_shape_of_a_reply_is_a_difference() -> None:
    [one] = compared([document(say=SAME)], [SAY.read_as(Shouted)])
    assert ("sample.say",) == one.differs


def test_a_worker_that_tells_no_version_of_its_contracts_has_its_own() -> None:
    [one] = compared([document(version=None)], [SAY])
    assert "3.2.1" == one.version


def test_a_hostile_version_is_cut_and_escaped() -> None:
    [one] = compared([document(version="\x1b[31m" + "9" * 1000)], [SAY])
    assert one.version.isprintable()
    assert len(one.version) < 100


def test_metadata_that_is_not_text_makes_the_document_unreadable() -> None:
    sent = b'{"name":"sample","id":"1","version":"1","endpoints":[{"subject":"sample.say","metadata":{"contract":1}}]}'
    with pytest.raises(Exception, match="contract"):
        read_document(sent)
