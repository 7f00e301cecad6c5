"""Sends notifications to webhooks, signed according to Standard Webhooks (https://www.standardwebhooks.com)."""

import asyncio
import base64
import hashlib
import hmac
import json
import ssl
import time
from ipaddress import IPv6Address
from typing import Final

import httpx2

from notifications_svc.channel import Later
from notifications_svc.messages import subject
from notifications_svc.repository import Due
from notifications_svc.settings import NotificationsSettings
from notifications_svc.webhook_repository import PREFIX, UnreadableSecret, Webhooks
from notifications_svc.webhook_urls import place, resolve

_LONGEST: Final = 10.0
"""Seconds for one attempt, including the DNS lookup."""
_GONE: Final = 410


class WebhookSender:
    """Sends to the webhook of a user. Close it at the end."""

    def __init__(self, settings: NotificationsSettings, webhooks: Webhooks, tls: ssl.SSLContext | None = None) -> None:
        """`tls`: the CAs to trust; by default those of the machine."""
        self._private = settings.notifications_webhook_private
        self._webhooks = webhooks
        # Without a proxy and redirects, only the checked address is connected to.
        # No connection is reused: its certificate may have been verified for another host with the same address.
        self._client = httpx2.AsyncClient(
            trust_env=False,
            follow_redirects=False,
            timeout=_LONGEST,
            limits=httpx2.Limits(max_keepalive_connections=0),
            verify=tls or ssl.create_default_context(),
        )

    async def send(self, due: Due, _: str) -> None:
        """Send a notification to its user's webhook. Raises Later."""
        target = await self._webhooks.find_active(due.user_id)
        if target is None:
            raise Later("the webhook was deleted")
        try:
            secret = self._webhooks.secret(due.user_id, target)
        except UnreadableSecret as error:  # not the receiver's fault
            raise Later(str(error)) from None
        try:
            async with asyncio.timeout(_LONGEST):
                status = await self._post(due, target.url, secret)
        except (httpx2.HTTPError, httpx2.InvalidURL, ValueError, OSError, TimeoutError) as error:
            status, said = 0, f"{type(error).__name__}: {error}"
        except Later as error:
            status, said = 0, str(error)
        else:
            said = f"status {status}"
        if not httpx2.codes.is_success(status):
            await self._webhooks.record_failure(due.user_id, target, gone=status == _GONE)
            raise Later(f"the webhook: {said}"[:500])
        await self._webhooks.record_success(due.user_id, target)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _post(self, due: Due, url: str, secret: str) -> int:
        """Post the message to a checked address. Returns the status; the response body is not read."""
        where = place(url, private=self._private)
        address = await resolve(where, private=self._private)
        host = f"[{address}]" if isinstance(address, IPv6Address) else str(address)
        content = body(due)
        headers = {
            "Host": where.netloc,
            "Content-Type": "application/json",
            "User-Agent": "northwind-mesh",
            **signature(due.notification_id, round(time.time()), content, secret),
        }
        request = self._client.build_request(
            "POST",
            f"{where.scheme}://{host}:{where.port}{where.path}",
            content=content,
            headers=headers,
            extensions={"sni_hostname": where.host},
        )
        response = await self._client.send(request, stream=True)
        try:
            return response.status_code
        finally:
            await response.aclose()


def body(due: Due) -> bytes:
    """The message: `type`, `timestamp` and `data`. `data` has a `subject` and the fields of the event's payload."""
    data = {"subject": subject(due.kind, due.values.get("order_id")), **due.values}
    message = {"type": due.kind.value, "timestamp": due.created_at.isoformat(), "data": data}
    return json.dumps(message, separators=(",", ":")).encode()


def signature(message_id: str, timestamp: int, content: bytes, secret: str) -> dict[str, str]:
    """The headers that prove who sent the message. Each attempt has the same id."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    digest = hmac.digest(key, f"{message_id}.{timestamp}.".encode() + content, hashlib.sha256)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }
