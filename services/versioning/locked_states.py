"""What storage's retention locks and legal holds keep, which no policy and no purge takes."""

from collections.abc import Sequence

from libs.chassis.bus import Bus
from libs.contracts.storage import ListLocks

LOCKS_AT_ONCE = 1000


async def find_locked(
    bus: Bus, bucket: str, states: Sequence[tuple[str, int]]
) -> set[tuple[str, int]]:
    """Return those of ``states``, paths in order and revisions, that are locked now."""
    if not states:
        return set()
    wanted = set(states)
    locked: set[tuple[str, int]] = set()
    position: str | None = f"0:{states[0][0]}"
    while position is not None:
        page = await bus.ask(ListLocks(bucket=bucket, start_after=position, limit=LOCKS_AT_ONCE))
        locked |= {(lock.path, lock.revision) for lock in page.items} & wanted
        beyond = bool(page.items) and page.items[-1].path > states[-1][0]
        position = None if beyond else page.next
    return locked
