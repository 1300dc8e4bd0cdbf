"""What the commit of an upload means for the session whose parts it was made of."""

from uuid import UUID

from libs.chassis.database import Connection
from libs.contracts.storage import FilePut
from services.storage.repository import session_parts, sessions


async def take(tx: Connection, session_id: UUID) -> FilePut | None:
    """Lock the session until the transaction ends; return the file if it became one before.

    Two gateways may have assembled the same parts, one of them thinking that the other is gone:
    the second commit finds the first one's file and makes no further revision of it. Raises
    ``SessionNotFound`` when the session was ended meanwhile.
    """
    session = await sessions.get_for_update(tx, session_id)
    return session.put


async def finish(tx: Connection, session_id: UUID, put: FilePut, *, kept_s: float) -> None:
    """Note what the session became and give up its parts."""
    await session_parts.give_up(tx, [session_id])
    await sessions.finish(tx, session_id, put, kept_s=kept_s)
