"""`/v1/audit`: what was done to accounts, for administrators."""

from typing import Annotated

from fastapi import APIRouter, Query

from gateway.operations import calls
from gateway.parts import Mesh
from gateway.routing import JsonRoute
from gateway.schemas.users import AuditPage, AuditQuery
from subjects import AUTH_AUDIT_LIST

router = APIRouter(prefix="/v1/audit", tags=["audit"], route_class=JsonRoute)


@router.get("", **calls(AUTH_AUDIT_LIST), summary="List the audit log")
async def list_audit(query: Annotated[AuditQuery, Query()], mesh: Mesh) -> AuditPage:
    """List what was done to whose account, by whom and from where, the newest first."""
    return await mesh.call(AUTH_AUDIT_LIST.read_as(AuditPage), query.to_contract())
