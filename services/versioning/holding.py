"""Having storage hold bytes until a commit names them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from libs.chassis.bus import Bus
from libs.contracts.storage import HoldContents
from services.versioning import contents
from services.versioning.domain.errors import ContentNotHeld

AT_ONCE = 10_000

LATEST = datetime(9999, 12, 31, tzinfo=UTC)
"""How long nothing at all is held."""


class Held(NamedTuple):
    """What storage holds for a request."""

    sizes: dict[str, int]
    until: datetime
    """Nothing of it goes before."""


async def hold(bus: Bus, bucket: str, digests: Sequence[str]) -> dict[str, int]:
    """Hold ``digests`` for longer than any request takes, and return their sizes.

    Raises ``ContentNotHeld`` when the bucket never had one of them.
    """
    return (await hold_for_long(bus, bucket, digests)).sizes


async def hold_for_long(bus: Bus, bucket: str, digests: Sequence[str]) -> Held:
    """Hold ``digests``, and tell also until when; raises as ``hold`` does."""
    sizes: dict[str, int] = {}
    until = LATEST
    for first in range(0, len(digests), AT_ONCE):
        part = list(digests[first : first + AT_ONCE])
        held = await bus.ask(HoldContents(bucket=bucket, digests=part))
        sizes |= held.sizes
        until = min(until, held.held_until)
    absent = [sha256 for sha256 in digests if sha256 not in sizes]
    if absent:
        raise ContentNotHeld(
            f"the bucket never had {absent[0]}", digests=absent[: contents.MOST_TOLD]
        )
    return Held(sizes, until)
