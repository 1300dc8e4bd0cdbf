"""What is damaged, for who has to act."""

from uuid import UUID

from litestar import get
from litestar.di import NamedDependency
from msgspec import Struct

from libs.contracts.storage import ListQuarantined, QuarantinedBlob
from services.gateway.edge.gate import needs
from services.gateway.edge.platform import Platform
from services.gateway.routes.given import Cursor, Cursors, Limit

LIST = "quarantined"


class QuarantinePage(Struct, frozen=True):
    """A page of damaged blobs."""

    items: list[QuarantinedBlob]
    next: str | None = None


@get("/system/quarantine", summary="List damaged bytes", tags=["System"], opt=needs("admin"))
async def list_quarantined(
    platform: NamedDependency[Platform],
    cursors: NamedDependency[Cursors],
    limit: Limit = 100,
    cursor: Cursor = None,
) -> QuarantinePage:
    """List the blobs that nobody can read, with files that have their bytes.

    Putting the same bytes again, at any path of a bucket that stores them alike, heals them all.
    """
    after = cursors.open(LIST, cursor, UUID)
    found = await platform.ask(ListQuarantined(after=after, limit=limit))
    return QuarantinePage(found.items, cursors.seal(LIST, found.next))


ROUTES = [list_quarantined]
