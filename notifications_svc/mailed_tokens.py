"""Asks auth for the token of a mail while the mail is sent, so that neither an event nor our database contains it."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from contracts.auth_mail import GetMailedToken
from mesh.client.client import Client
from mesh.core.errors import CallError, Code, RemoteFault
from notifications_svc.channel import Later, Undeliverable
from notifications_svc.kinds import TokenMail
from notifications_svc.repository import Due
from notifications_svc.settings import NotificationsSettings
from subjects import AUTH_MAILED_TOKENS_GET


class TokenMails:
    """Completes the values of a mail with a token."""

    def __init__(self, settings: NotificationsSettings, client: Client) -> None:
        self._client = client
        self._pages = {
            TokenMail.PASSWORD_RESET: settings.notifications_password_reset_url,
            TokenMail.EMAIL_VERIFICATION: settings.notifications_email_verification_url,
        }

    async def complete(self, due: Due) -> Due:
        """The notification with all values of its template. Raises Later, Undeliverable if the token is not valid."""
        if not isinstance(due.kind, TokenMail):
            return due
        token = await self._token(due.values)
        page = self._pages[due.kind]
        # In the fragment: browsers send it to no server, so it is in no log and no Referer.
        link = f"{page}#token={quote(token)}" if page else None
        return due._replace(values={**due.values, "token": token, "link": link})

    async def _token(self, values: Mapping[str, Any]) -> str:
        try:
            found = await self._client.call(AUTH_MAILED_TOKENS_GET, GetMailedToken(token_id=values["token_id"]))
        except RemoteFault as fault:
            if fault.code is Code.NOT_FOUND:
                raise Undeliverable("the token is used or has expired") from None
            raise Later(f"auth: {fault}") from None
        except CallError as error:
            raise Later(f"auth: {error}") from None
        return found.token
