"""Lifecycle: what a bucket's rules will delete."""

from litestar import get
from litestar.di import NamedDependency

from libs.contracts.storage import Expiry, PreviewLifecycle
from services.gateway.edge.gate import needs
from services.gateway.edge.platform import Platform
from services.gateway.routes.given import Bucket, Cursor, Cursors, Limit, Page

TAGS = ["Buckets"]


@get(
    "/buckets/{bucket:str}/lifecycle/preview",
    summary="Preview lifecycle rules",
    tags=TAGS,
    opt=needs("read"),
)
async def preview_lifecycle(
    bucket: Bucket,
    platform: NamedDependency[Platform],
    cursors: NamedDependency[Cursors],
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[Expiry]:
    """List by path what will be deleted, when, and by which rule.

    A page looks at some thousand files: it may be short, or empty, and still have a ``next``.
    """
    scope = f"lifecycle\n{bucket}"
    after = cursors.open(scope, cursor, str) or ""
    found = await platform.ask(PreviewLifecycle(bucket=bucket, start_after=after, limit=limit))
    return Page(found.items, cursors.seal(scope, found.next))


ROUTES = [preview_lifecycle]
