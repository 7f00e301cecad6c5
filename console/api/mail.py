"""The mail that the stack's own mail server caught."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Path
from starlette.requests import Request

from console.api.application import watch_of
from mesh.core.terminal import escaped
from ops.mailbox import Mail, Mailbox

router = APIRouter()

_MOST = 100
_LONGEST = 100_000


@router.get("/api/mail")
async def newest(request: Request) -> dict[str, Any]:
    """The newest mails without their bodies, the newest first; `kept` is false where no mail server keeps any."""
    home = watch_of(request).settings.console_mail
    if home is None:
        return {"kept": False, "mails": []}
    return {"kept": True, "mails": await asyncio.to_thread(_list, Mailbox(home))}


@router.get("/api/mail/{number}")
async def one(request: Request, number: Annotated[int, Path(ge=1, lt=2**31)]) -> dict[str, Any]:
    """One mail with its text and its HTML."""
    home = watch_of(request).settings.console_mail
    mail = await asyncio.to_thread(Mailbox(home).read, number) if home is not None else None
    if mail is None:
        raise HTTPException(404, "there is no such mail any more")
    return {**_head(mail), "text": mail.body("plain")[:_LONGEST], "html": mail.body("html")[:_LONGEST]}


def _list(mailbox: Mailbox) -> list[dict[str, Any]]:
    mails = (mailbox.read(number) for number in mailbox.numbers()[: -_MOST - 1 : -1])
    return [_head(mail) for mail in mails if mail is not None]


def _head(mail: Mail) -> dict[str, Any]:
    return {
        "number": mail.number,
        "to": escaped(mail.recipients[:500]),
        "subject": escaped(mail.header("Subject")[:500]),
        "date": escaped(mail.header("Date")[:100]),
    }
