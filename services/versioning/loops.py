"""What has to be done now and then."""

from libs.chassis.database import Database
from services.versioning.repository import marks


async def forget_old_marks(db: Database) -> None:
    """Forget marks that nobody waits for any more."""
    async with db.connection() as conn:
        await marks.delete_old(conn)
