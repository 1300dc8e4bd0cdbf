"""Which commit touched each path of a tree last."""

from libs.chassis.database import Database
from libs.chassis.rpc import serves
from libs.contracts.pages import fitting
from libs.contracts.versioning import Blame, GetBlame, Touch
from services.versioning.domain import tree
from services.versioning.domain.tree import Entry
from services.versioning.repository import commits, lines, nodes, refs, repositories, touches
from services.versioning.repository.nodes import NodeCache
from services.versioning.repository.touches import Touching


@serves(GetBlame)
async def get_blame(request: GetBlame, db: Database, cache: NodeCache) -> Blame:
    async with db.transaction() as tx:
        bucket_id = (await repositories.get_repository(tx, request)).bucket_id
        commit_id = await refs.get_commit_id(tx, bucket_id, request.ref)
        stored = await commits.get_commit(tx, bucket_id, commit_id)
        walk = tree.scan(
            stored.commit.tree,
            prefix=request.prefix,
            start_after=request.start_after,
            limit=request.limit,
        )
        listing = await nodes.drive(tx, cache, walk)
        segments = await lines.list_segments(tx, stored.place)
        runs = await touches.split(tx, bucket_id, segments)
        paths = [path for path, _ in listing.entries]
        last = await touches.find_last(tx, bucket_id, paths, runs)
    items = [_touch(path, entry, last.get(path)) for path, entry in listing.entries]
    page = fitting(items)
    return Blame(
        commit_id=commit_id.hex(),
        items=list(page),
        next=page[-1].path if len(page) < len(items) else listing.next,
    )


def _touch(path: str, entry: Entry, touching: Touching | None) -> Touch:
    sha256, size = entry.sha256.hex(), entry.size
    if touching is None:
        return Touch(path=path, sha256=sha256, size=size, commit_id=None)
    return Touch(
        path=path,
        sha256=sha256,
        size=size,
        commit_id=touching.commit_id.hex(),
        author=touching.author,
        message=touching.message,
        committed_at=touching.committed_at,
    )
