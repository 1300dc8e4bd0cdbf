"""What the gateway does by itself."""

from libs.chassis.database import Database
from services.gateway.repository import kept_answers, signed_urls


async def forget_old_answers(db: Database) -> None:
    """Forget answers whose idempotency keys are a day old."""
    async with db.connection() as conn:
        await kept_answers.delete_old(conn)


async def forget_old_links(db: Database) -> None:
    """Forget signed links that have ended."""
    async with db.connection() as conn:
        await signed_urls.delete_old(conn)
