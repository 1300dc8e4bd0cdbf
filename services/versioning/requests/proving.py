"""Proving that a history was not altered, a page of commits at a time."""

import msgspec
from msgspec import Struct

from libs.chassis.database import Connection, Database
from libs.chassis.rpc import serves
from libs.contracts.values import Sha256
from libs.contracts.versioning import Fault, Verification, VerifyHistory
from services.versioning.domain.commits import CommitId
from services.versioning.domain.errors import InvalidCursor
from services.versioning.proving import Proved, Prover
from services.versioning.repository import repositories
from services.versioning.repository.lines import Place
from services.versioning.repository.repositories import Repository
from services.versioning.states import find_commit_id

MOST_FAULTS = 1000


class Behind(Struct, frozen=True, kw_only=True):
    """Where a walk goes on; its head stays what it was when it began."""

    head: Sha256
    line_id: int
    position: int


@serves(VerifyHistory)
async def verify_history(request: VerifyHistory, db: Database) -> Verification:
    async with db.transaction(isolation="repeatable_read", readonly=True) as tx:
        repository = await repositories.get_repository(tx, request)
        behind = _parse(request.cursor)
        head = await _head(tx, repository, request, behind)
        if head is None:
            return Verification(head=None, commits=0, nodes=0, signatures=[], faults=[])
        prover = Prover(tx, repository, trees=request.trees)
        place = None if behind is None else Place(behind.line_id, behind.position)
        proved = await prover.prove(head, place, request.limit)
    return _verification(head, proved)


async def _head(
    conn: Connection, repository: Repository, request: VerifyHistory, behind: Behind | None
) -> CommitId | None:
    if behind is not None:
        return CommitId(bytes.fromhex(behind.head))
    return await find_commit_id(conn, repository.bucket_id, request.ref)


def _verification(head: CommitId, proved: Proved) -> Verification:
    faults = proved.faults[:MOST_FAULTS]
    if len(faults) < len(proved.faults):
        more = len(proved.faults) - len(faults)
        faults.append(Fault(code="more-faults", detail=f"{more} more faults were found here"))
    return Verification(
        head=head.hex(),
        commits=proved.commits,
        nodes=proved.nodes,
        signatures=proved.signatures,
        faults=faults,
        next=None if proved.behind is None else _cursor(head, proved.behind),
    )


def _parse(cursor: str) -> Behind | None:
    try:
        return msgspec.json.decode(cursor, type=Behind) if cursor else None
    except msgspec.DecodeError as wrong:
        raise InvalidCursor(str(wrong)) from wrong


def _cursor(head: CommitId, place: Place) -> str:
    behind = Behind(head=head.hex(), line_id=place.line_id, position=place.position)
    return msgspec.json.encode(behind).decode()
