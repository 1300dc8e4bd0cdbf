"""States of files that storage told of become versions, and commits where none has them yet."""

from collections.abc import Container, Mapping, Sequence

from libs.chassis.database import Connection
from services.versioning import history, landing
from services.versioning.domain import tree
from services.versioning.domain.commits import CommitId
from services.versioning.domain.recording import Round, Version
from services.versioning.domain.tree import Entry
from services.versioning.history import Head
from services.versioning.landing import Landed
from services.versioning.repository import nodes, versions
from services.versioning.repository.nodes import NodeCache
from services.versioning.repository.repositories import Repository


async def record_round(
    tx: Connection,
    cache: NodeCache,
    repository: Repository,
    main: Head,
    round_: Round,
    latest: Mapping[str, int],
) -> Head:
    """Record versions of different paths, in the commit that they were meant to be, or a new one.

    ``latest`` has the newest revisions recorded; what is older never becomes the state.
    """
    landed = None
    if round_.commit_id is not None:
        meant = CommitId(bytes.fromhex(round_.commit_id))
        landed = await landing.land(tx, cache, repository, main, meant)
    if landed is None:
        states = round_.states(latest)
        return await _commit(tx, cache, repository, main, round_, round_.versions, states)
    return await _record_landed(tx, cache, repository, landed, round_, latest)


async def _record_landed(
    tx: Connection,
    cache: NodeCache,
    repository: Repository,
    landed: Landed,
    round_: Round,
    latest: Mapping[str, int],
) -> Head:
    """Record what the commit holds as its own; what main lacks still gets a commit of its own."""
    paths = [version.path for version in round_.versions]
    held = await nodes.drive(tx, cache, tree.get(landed.made.tree, paths))
    now = await nodes.drive(tx, cache, tree.get(landed.main.tree, paths))
    missing = {
        path: entry for path, entry in round_.states(latest).items() if now.get(path) != entry
    }
    own = [version for version in round_.versions if version.path not in missing]
    states = {version.path for version in own if held.get(version.path) == version.entry}
    await _insert(tx, repository, landed.made, own, states)
    if not missing:
        return landed.main
    rest = [version for version in round_.versions if version.path in missing]
    return await _commit(tx, cache, repository, landed.main, round_, rest, missing)


async def _commit(
    tx: Connection,
    cache: NodeCache,
    repository: Repository,
    main: Head,
    round_: Round,
    recorded: Sequence[Version],
    states: Mapping[str, Entry | None],
) -> Head:
    drafted = await history.draft(
        tx,
        cache,
        main,
        states,
        author=round_.author,
        message=round_.title(),
        operation=round_.operation,
        committed_at=round_.committed_at,
    )
    head = await history.write(tx, cache, repository, drafted)
    await _insert(tx, repository, head, recorded, states)
    return head


async def _insert(
    tx: Connection,
    repository: Repository,
    made: Head,
    recorded: Sequence[Version],
    states: Container[str],
) -> None:
    if made.commit_id is None or made.place is None:
        raise TypeError("versions are recorded by a commit")
    await versions.insert_versions(
        tx, repository.bucket_id, made.commit_id, made.place.position, recorded, states
    )
