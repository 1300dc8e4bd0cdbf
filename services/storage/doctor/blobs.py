"""The blobs: what is damaged, what waits, and whether those that are encrypted could be lost."""

from datetime import UTC, datetime

from libs.blobs.encoding.keyring import Keyring
from libs.chassis.checkup import Finding
from libs.chassis.database import Database
from services.storage.repository import relocating, scrubs, sealed_keys
from services.storage.scrubbing import DAY_S
from services.storage.settings import Settings

BEHIND = 1.5
"""So many periods of the scrubber without a look are too many."""


async def examine_blobs(db: Database, settings: Settings) -> list[Finding]:
    """Look at the quarantine, at the scrubber, and at what the fallback still has."""
    async with db.connection() as conn:
        standing = await scrubs.standing(conn)
        away = await relocating.count_in_fallback(conn)
    return [
        _quarantine(standing.quarantined),
        _scrub(standing.oldest_check_at, settings),
        _homecoming(away.objects, away.bytes),
    ]


def _quarantine(count: int) -> Finding:
    if not count:
        return Finding(part="quarantine", level="ok", says="no damaged blobs are known")
    return Finding(
        part="quarantine",
        level="fail",
        says=f"{count:,} blobs are damaged, nobody can read them",
        todo="python -m services.storage damaged; put the same bytes again, or restore a backup",
    )


def _scrub(oldest: datetime | None, settings: Settings) -> Finding:
    if oldest is None:
        return Finding(part="scrubber", level="ok", says="nothing to read yet")
    days = (datetime.now(UTC) - oldest).total_seconds() / DAY_S
    period = 100 / settings.scrub_percent_per_day
    behind = days > period * BEHIND
    return Finding(
        part="scrubber",
        level="warn" if behind else "ok",
        says=f"every byte was proved in the last {days:,.1f} days; wanted are {period:,.0f}",
        todo="raise STRONGROOM_STORAGE_SCRUB_BYTES_PER_S" if behind else "",
    )


def _homecoming(objects: int, size: int) -> Finding:
    if not objects:
        return Finding(part="fallback", level="ok", says="nothing waits to be moved home")
    return Finding(
        part="fallback",
        level="warn",
        says=f"{objects:,} objects with {size / 1e6:,.1f} MB lie in the fallback",
        todo="the task storage.bring_home moves them when the primary answers",
    )


async def examine_master_keys(db: Database, keys: Keyring, settings: Settings) -> list[Finding]:
    """See that every encrypted blob can be read, and that somebody kept what it takes."""
    async with db.connection() as conn:
        wrapped = await sealed_keys.count_by_master(conn)
    if not wrapped:
        return [Finding(part="master keys", level="ok", says="no blob is encrypted")]
    says = ", ".join(f"{master} wraps {count:,} blobs" for master, count in wrapped.items())
    missing = sorted(set(wrapped) - keys.ids)
    if missing:
        return [
            Finding(
                part="master keys",
                level="fail",
                says=f"{says}; not given: {', '.join(missing)}",
                todo="give them to gateway, storage and backup: what they wrap cannot be read",
            )
        ]
    unkept = sorted(set(wrapped) - set(settings.master_keys_kept))
    return [
        Finding(
            part="master keys",
            level="warn" if unkept else "ok",
            says=says,
            todo="keep a copy of the keys elsewhere, as no backup holds them, and say so with "
            f"STRONGROOM_STORAGE_MASTER_KEYS_KEPT={','.join(sorted(wrapped))}"
            if unkept
            else "",
        )
    ]
