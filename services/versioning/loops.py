"""What has to be done now and then."""

from libs.chassis.database import Database
from services.versioning.repository import imported_trees, marks, pending


async def forget_old_marks(db: Database) -> None:
    """Forget marks that nobody waits for any more."""
    async with db.connection() as conn:
        await marks.delete_old(conn)


async def forget_old_commits(db: Database) -> None:
    """Forget commits that storage never applied, and trees whose commit never came."""
    async with db.connection() as conn:
        await pending.delete_old(conn)
        await imported_trees.delete_old(conn)
