"""Purging: giving up all past content of a path or below a prefix, whatever the policy says.

What any branch has there now stays, staged writes included, and so does what storage's locks keep.
Nothing of history changes: it still names what was there.
"""

from collections.abc import Sequence
from typing import Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from libs.chassis.bus import Bus
from libs.chassis.database import Connection, Database
from services.versioning import history
from services.versioning.domain import tree
from services.versioning.domain.errors import InvalidCursor
from services.versioning.locked_states import find_locked
from services.versioning.repository import content, nodes, purging
from services.versioning.repository.nodes import NodeCache
from services.versioning.repository.purging import Chosen, Row
from services.versioning.repository.repositories import Repository
from services.versioning.retaining import EXPIRED, tell

ROWS_AT_ONCE = 1000


class Going(Struct, frozen=True, kw_only=True):
    """How far a purge has come, and what it took."""

    of: Literal["main", "lines"] = "main"
    path: str = ""
    major: int = 0
    minor: int = 0
    done: bool = False
    versions: int = 0
    bytes: int = 0
    locked: int = 0

    def cursor(self) -> str:
        """Write where to go on; what was taken is not part of it."""
        place = Going(of=self.of, path=self.path, major=self.major, minor=self.minor)
        return msgspec.json.encode(place).decode()


def parse(cursor: str) -> Going:
    """Read where to go on; raises ``InvalidCursor``."""
    try:
        return msgspec.json.decode(cursor, type=Going) if cursor else Going()
    except msgspec.DecodeError as fault:
        raise InvalidCursor(str(fault)) from fault


class Purge(Struct, frozen=True):
    """What is to be purged, and by what means."""

    db: Database
    bus: Bus
    cache: NodeCache
    repository: Repository
    chosen: Chosen
    dry_run: bool

    async def go_on(self, going: Going) -> Going:
        """Look through the next states, and give up those that nothing keeps."""
        bucket_id, of_main = self.repository.bucket_id, going.of == "main"
        async with self.db.transaction() as tx:
            # Nobody may make a state of main present, or name content, between look and mark.
            await history.lock_main(tx, self.repository)
            await content.lock_for_expiring(tx, bucket_id)
            rows = await purging.list_rows(
                tx,
                bucket_id,
                self.chosen,
                (going.path, going.major, going.minor),
                of_main=of_main,
                limit=ROWS_AT_ONCE,
            )
            past = await self._past(tx, rows)
            locked = (
                await find_locked(
                    self.bus, self.repository.bucket, [(row.path, row.major) for row in past]
                )
                if of_main
                else set()
            )
            gone = [row for row in past if (row.path, row.major) not in locked]
            if not self.dry_run:
                await purging.expire_rows(tx, bucket_id, gone, of_main=of_main)
                await tell(tx, self.repository, _contents(gone))
        if not self.dry_run:
            EXPIRED.inc(len(gone))
        going = replace(
            going,
            versions=going.versions + len(gone),
            bytes=going.bytes + sum(row.size for row in gone),
            locked=going.locked + len(past) - len(gone),
        )
        return _behind(going, rows)

    async def _past(self, tx: Connection, rows: Sequence[Row]) -> list[Row]:
        """Return the rows whose content their path has on no branch now."""
        held = [row for row in rows if row.sha256 is not None and not row.expired]
        paths = sorted({row.path for row in held})
        present: set[tuple[str, bytes]] = set()
        for root in await purging.list_present_trees(tx, self.repository.bucket_id):
            found = await nodes.drive(tx, self.cache, tree.get(root, paths))
            present |= {(path, entry.sha256) for path, entry in found.items()}
        return [row for row in held if (row.path, row.sha256) not in present]


def _behind(going: Going, rows: Sequence[Row]) -> Going:
    if len(rows) == ROWS_AT_ONCE:
        last = rows[-1]
        return replace(going, path=last.path, major=last.major, minor=last.minor)
    if going.of == "main":
        return replace(going, of="lines", path="", major=0, minor=0)
    return replace(going, done=True)


def _contents(rows: Sequence[Row]) -> list[tuple[bytes, int]]:
    return [(row.sha256, row.size) for row in rows if row.sha256 is not None]
