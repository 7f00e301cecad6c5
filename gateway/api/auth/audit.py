"""`/v1/audit`: the audit log of accounts, for administrators."""

from typing import Annotated

from fastapi import APIRouter, Query

from contracts.auth_audit import ListAudit
from gateway.api.auth.user_schemas import AuditPage, AuditQuery
from gateway.routing.calls import Call, calls
from gateway.routing.route import JsonRoute
from subjects import AUTH_AUDIT_LIST

router = APIRouter(prefix="/v1/audit", tags=["audit"], route_class=JsonRoute)


@router.get("", summary="List the audit log")
async def list_audit(
    query: Annotated[AuditQuery, Query()],
    call: Call[ListAudit, AuditPage] = calls(AUTH_AUDIT_LIST, AuditPage),
) -> AuditPage:
    """List what was done to accounts, by whom and from where, newest first."""
    return await call(query.to_contract())
