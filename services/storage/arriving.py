"""New content becomes the state of paths here, and nowhere else: in the caller's transaction."""

from collections.abc import Sequence

from libs.chassis import outbox
from libs.chassis.database import Connection
from libs.contracts.problems import Problem
from libs.contracts.storage import BlobPlace
from services.storage.domain.arrivals import Arrival, Committed, in_rounds
from services.storage.domain.checks import PendingFile
from services.storage.domain.errors import PreconditionFailed
from services.storage.domain.preconditions import check_expectation
from services.storage.holding import hold
from services.storage.quarantine import heal
from services.storage.repository import arrivals as rows
from services.storage.repository import blobs, promises
from services.storage.restraints import refusals

Outcome = Committed | PendingFile | Problem


async def put(tx: Connection, arrivals: Sequence[Arrival]) -> list[Outcome]:
    """Make each arrival the next revision of its path, or say by itself why it cannot be.

    Their buckets are locked by the caller. Blobs come before files, and both in one order, so that
    commits that meet wait for each other instead of dying together. Bytes that were stored before
    are not stored twice: an object that no arrival needs any more is doomed. Bytes that a bucket
    does not take as they were stored never get a record. What a bucket wants to have checked is no
    state yet: it waits, refused now for what would refuse it then.
    """
    refused = {
        at: problem
        for at, arrival in enumerate(arrivals)
        if (problem := arrival.refusal()) is not None
    }
    welcome = [arrival for at, arrival in enumerate(arrivals) if at not in refused]
    unwanted = {arrival.place.key for arrival in arrivals}
    unwanted -= {arrival.place.key for arrival in welcome}
    if unwanted:
        await promises.doom(tx, sorted(unwanted))
    done = iter(await _put(tx, welcome)) if welcome else iter(())
    return [refused[at] if at in refused else next(done) for at in range(len(arrivals))]


async def admit(tx: Connection, arrival: Arrival) -> Committed | Problem:
    """Make content that has passed its checks the next revision of its path, as ``put`` does.

    Its bucket is locked by the caller, its bytes are the blob that it waited with.
    """
    now = [(arrival, arrival.place)]
    (outcome,) = await _put_round(tx, now, checked=True)
    if isinstance(outcome, PendingFile):
        raise TypeError("what has been checked does not wait again")
    await _note(tx, [arrival], [arrival.place], [outcome])
    return outcome


async def _put(tx: Connection, arrivals: Sequence[Arrival]) -> list[Outcome]:
    arrived = [arrival.place for arrival in arrivals]
    adopted = await heal(tx, arrived, await blobs.adopt(tx, arrived))
    outcomes: list[Outcome | None] = [None] * len(arrivals)
    for positions in in_rounds(arrivals):
        now = [(arrivals[at], adopted[at]) for at in positions]
        for at, outcome in zip(positions, await _put_round(tx, now), strict=True):
            outcomes[at] = outcome
    done = [outcome for outcome in outcomes if outcome is not None]
    await _note(tx, arrivals, adopted, done)
    return done


async def _put_round(
    tx: Connection, now: Sequence[rows.Adopted], *, checked: bool = False
) -> list[Outcome]:
    """Put arrivals of different paths; what is not ``checked`` waits where it has to be."""
    failures = await _unexpected(tx, now)
    right = [at for at in range(len(now)) if at not in failures]
    refused = await refusals(tx, [now[at] for at in right])
    failures |= {right[at]: problem for at, problem in refused.items()}
    wanted = [pair for at, pair in enumerate(now) if at not in failures]
    waiting = [pair for pair in wanted if pair[0].is_checked and not checked]
    written: dict[rows.FileKey, Committed | PendingFile] = {}
    if waiting:
        written |= await hold(tx, waiting)
        wanted = [pair for pair in wanted if not pair[0].is_checked]
    for absent in (False, True):
        group = [pair for pair in wanted if pair[0].expect.absent is absent]
        if group:
            written |= await rows.upsert(tx, group, absent=absent)
    return [
        failures.get(at)
        or written.get((arrival.bucket.bucket_id, arrival.path))
        or PreconditionFailed(f"{arrival.path!r} exists", path=arrival.path)
        for at, (arrival, _) in enumerate(now)
    ]


async def _unexpected(tx: Connection, now: Sequence[rows.Adopted]) -> dict[int, Problem]:
    """Return which of ``now`` expect another content than is there, by position."""
    particular = [
        at
        for at, (arrival, _) in enumerate(now)
        # Absence is told by the insert, but for what is not inserted yet.
        if arrival.expect.any_of is not None or (arrival.expect.absent and arrival.is_checked)
    ]
    if not particular:
        return {}
    present = await rows.find_digests_for_update(
        tx, [(now[at][0].bucket.bucket_id, now[at][0].path) for at in particular]
    )
    failures: dict[int, Problem] = {}
    for at in particular:
        arrival = now[at][0]
        digest = present.get((arrival.bucket.bucket_id, arrival.path))
        try:
            check_expectation(arrival.expect, arrival.path, digest)
        except PreconditionFailed as failure:
            failures[at] = failure
    return failures


async def _note(
    tx: Connection,
    arrivals: Sequence[Arrival],
    adopted: Sequence[BlobPlace],
    outcomes: Sequence[Outcome],
) -> None:
    """Note which bucket holds which blob now, doom superfluous objects, announce what is new."""
    put = [
        (arrival, blob, outcome)
        for arrival, blob, outcome in zip(arrivals, adopted, outcomes, strict=True)
        if isinstance(outcome, Committed)
    ]
    if put:
        await blobs.hold(tx, [(arrival.bucket.bucket_id, blob.blob_id) for arrival, blob, _ in put])
    needed = {blob.key for blob in adopted}
    superfluous = {arrival.place.key for arrival in arrivals} - needed
    if superfluous:
        await promises.doom(tx, sorted(superfluous))
    await outbox.add(tx, *(arrival.stored(outcome) for arrival, _, outcome in put))
