"""The indexes that the queries rely on."""

from auth_svc.repository.announcements import ANNOUNCED
from auth_svc.repository.mail_requests import KEPT
from auth_svc.repository.operation import operation
from auth_svc.repository.sessions import REVOKED_BY_ID
from providers.mongo.database import Database


@operation()
async def ensure_indexes(database: Database) -> None:
    """Create missing indexes."""
    await database["users"].create_index("email", unique=True)
    await database["users"].create_index("roles")
    await database["users"].create_index("registration.key", unique=True, sparse=True)
    await database["users"].create_index("registration.at", sparse=True)
    await database["users"].create_index("outbox._id", sparse=True)
    await database["users"].create_index(ANNOUNCED)
    await database["users"].create_index("mailed.id", sparse=True)
    await database["users"].create_index("mailed.digest", sparse=True)
    await database["mail_requests"].create_index("due_at")
    await database["mail_requests"].create_index("at", expireAfterSeconds=KEPT)
    # A login ends the oldest sessions beyond the limit. A flood of logins leaves many ended ones behind.
    await database["sessions"].create_index([("user_id", 1), ("revoked_at", 1), ("created_at", -1), ("_id", -1)])
    # Revoked sessions are listed in pages, by id.
    await database["sessions"].create_index(REVOKED_BY_ID, partialFilterExpression={"revoked_at": {"$exists": True}})
    await database["sessions"].create_index("expires_at", expireAfterSeconds=0)
    # If several processes start or rotate at once, one of them creates the next key.
    await database["signing_keys"].create_index("number", unique=True)
    await database["signing_keys"].create_index("retires_at", expireAfterSeconds=0)
    await database["throttles"].create_index("clear_at", expireAfterSeconds=0)
    # Created only if missing: a role without the right to create indexes is then enough. Expiry would empty the log.
    known = await database["audit"].index_information()
    for field in ("subject_id", "actor_id", "action"):
        if f"{field}_1__id_-1" not in known:
            await database["audit"].create_index([(field, 1), ("_id", -1)])
