"""Addresses that look the same are one, and accounts of before that rule go on."""

from contracts.auth import ListUsers, Register
from providers.mongo.database import Database
from subjects import AUTH_REGISTER, AUTH_USERS_LIST
from tests.integration.auth_svc.people import PASSWORD, admin, log_in, person
from tests.integration.auth_svc.small_mesh import Mesh

DOTTED = "i\u0307nci@mesh.test"
"""As an older version stored İnci@mesh.test."""


async def test_an_address_that_an_older_version_stored_otherwise_logs_in_and_is_taken(
    worker: Mesh, database: Database
) -> None:
    boss = await admin(worker, database)
    old = await person(worker, "old")
    await database["users"].update_one({"_id": old.user.user_id}, {"$set": {"email": DOTTED}})
    for spelling in ("İnci@mesh.test", DOTTED, "I\u0307NCI@MESH.TEST"):
        assert await log_in(worker, spelling)
        taken = await worker.refused(AUTH_REGISTER, Register(email=spelling, password=PASSWORD))
        assert "email_taken" == taken.reason
        page = await worker.call(AUTH_USERS_LIST, ListUsers(email=spelling), boss.access)
        assert [old.user.user_id] == [one.user_id for one in page.items]


async def test_addresses_that_differ_by_a_dot_that_nobody_sees_are_one(worker: Mesh) -> None:
    made = await worker.call(AUTH_REGISTER, Register(email="İnci@mesh.test", password=PASSWORD))
    assert "inci@mesh.test" == made.email
    for spelling in ("inci@mesh.test", DOTTED, "INCI@mesh.test"):
        assert (
            "email_taken" == (await worker.refused(AUTH_REGISTER, Register(email=spelling, password=PASSWORD))).reason
        )
        assert await log_in(worker, spelling)
