"""Having storage hold bytes until a commit names them."""

from collections.abc import Sequence

from libs.chassis.bus import Bus
from libs.contracts.storage import HoldContents
from services.versioning import contents
from services.versioning.domain.errors import ContentNotHeld

AT_ONCE = 10_000


async def hold(bus: Bus, bucket: str, digests: Sequence[str]) -> dict[str, int]:
    """Hold ``digests`` for longer than any request takes, and return their sizes.

    Raises ``ContentNotHeld`` when the bucket never had one of them.
    """
    sizes: dict[str, int] = {}
    for first in range(0, len(digests), AT_ONCE):
        part = list(digests[first : first + AT_ONCE])
        sizes |= (await bus.ask(HoldContents(bucket=bucket, digests=part))).sizes
    absent = [sha256 for sha256 in digests if sha256 not in sizes]
    if absent:
        raise ContentNotHeld(
            f"the bucket never had {absent[0]}", digests=absent[: contents.MOST_TOLD]
        )
    return sizes
