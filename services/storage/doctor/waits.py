"""Settings that are dangerous to choose too short."""

from libs.chassis.checkup import Finding
from services.storage.settings import Settings

SHORTEST_OBJECT_GRACE_S = 60.0
SHORTEST_BLOB_GRACE_S = 3600.0
SLOWEST_SCRUB_PERCENT = 1.0


async def examine_waits(settings: Settings) -> list[Finding]:
    """Look at the times that readers and operators rely on."""
    doubts = [
        (
            settings.object_grace_s < SHORTEST_OBJECT_GRACE_S,
            f"OBJECT_GRACE_S is {settings.object_grace_s:g}: slow readers lose their object",
        ),
        (
            settings.blob_grace_s < SHORTEST_BLOB_GRACE_S,
            f"BLOB_GRACE_S is {settings.blob_grace_s:g}: a mistake leaves no time",
        ),
        (
            settings.scrub_percent_per_day < SLOWEST_SCRUB_PERCENT,
            f"SCRUB_PERCENT_PER_DAY is {settings.scrub_percent_per_day:g}: damage is found late",
        ),
    ]
    found = [
        Finding(part="settings", level="warn", says=says, todo="leave it at its default")
        for doubtful, says in doubts
        if doubtful
    ]
    return found or [Finding(part="settings", level="ok", says="none is dangerous")]
