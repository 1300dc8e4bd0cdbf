"""What the service does by itself."""

from libs.chassis.database import Database
from services.backup.domain.errors import TargetExists
from services.backup.registering import register_target
from services.backup.repository import targets
from services.backup.settings import Settings
from services.backup.target_stores import TargetStores

DEFAULT_TARGET = "local"
DEFAULT_TARGET_INTERVAL_S = 30.0


async def ensure_default_target(db: Database, stores: TargetStores, settings: Settings) -> None:
    """Register the target ``local`` when the settings name its place and there is none.

    It comes back as long as the setting is there; a place that is not ready is tried again.
    """
    if settings.default_target_url is None:
        return
    async with db.connection() as conn:
        if await targets.find_target(conn, DEFAULT_TARGET) is not None:
            return
    try:
        await register_target(
            db,
            stores,
            name=DEFAULT_TARGET,
            url=settings.default_target_url,
            actor="service:backup",
            timeout_s=settings.probe_timeout_s,
        )
    except TargetExists:
        return  # another process of this service was faster, or the place has another name here
