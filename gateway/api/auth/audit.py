"""`/v1/audit`: what was done to accounts, for administrators."""

from typing import Annotated

from fastapi import APIRouter, Query

from gateway.api.auth.user_schemas import AuditPage, AuditQuery
from gateway.dependencies import Mesh
from gateway.routing.operations import calls
from gateway.routing.route import JsonRoute
from subjects import AUTH_AUDIT_LIST

router = APIRouter(prefix="/v1/audit", tags=["audit"], route_class=JsonRoute)


@router.get("", **calls(AUTH_AUDIT_LIST), summary="List the audit log")
async def list_audit(query: Annotated[AuditQuery, Query()], mesh: Mesh) -> AuditPage:
    """List what was done to whose account, by whom and from where, the newest first."""
    return await mesh.call(AUTH_AUDIT_LIST.read_as(AuditPage), query.to_contract())
