"""The streams of durable events at the stack's own NATS, made and changed at each start."""

from __future__ import annotations

from typing import TYPE_CHECKING

from devstack.errors import DevstackError
from mesh.core.errors import MeshError
from ops.nkeys import DEPLOYER

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ops.streams import Stream

_COPIES = 3
_WITHIN = 30.0  # a cluster elects its leader first


async def make_streams(declared: Sequence[Stream], url: str, seed: str, ca: Path | None, nodes: int) -> str:
    """Make what is missing as the deployer, with three copies in a cluster of three nodes or more.

    Returns what was done, in one line; nothing where all was there.

    Raises:
        DevstackError: NATS does not answer, or refuses it.

    """
    # A tenth of a second, for those who have durable events.
    from mesh.nats.settings import NatsSettings  # noqa: PLC0415
    from mesh.nats.transport import NatsTransport  # noqa: PLC0415
    from ops.jetstream import JetStream  # noqa: PLC0415
    from ops.stream_changes import Wishes, apply  # noqa: PLC0415

    settings = NatsSettings.model_validate({"nats_url": url, "nats_nkey_seed": seed, "nats_tls_ca": ca})
    try:
        transport = await NatsTransport.connect(settings, DEPLOYER)
        try:
            wishes = Wishes(replicas=_COPIES if nodes >= _COPIES else 1)
            changes = await apply(JetStream(transport, _WITHIN), declared, wishes)
        finally:
            await transport.close()
    except MeshError as error:
        raise DevstackError(f"cannot make the streams of durable events: {error}") from None
    told = [change for change in changes if change.outcome != "unchanged"]
    return "; ".join(f"{one.outcome} {one.name}{f' ({one.detail})' if one.detail else ''}" for one in told)
