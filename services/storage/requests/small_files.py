"""Many small files at once: their keys promised beforehand, one transaction for all."""

from collections.abc import Mapping, Sequence

from libs.chassis.crashpoint import crashpoint
from libs.chassis.database import Connection, Database
from libs.chassis.rpc import serves
from libs.contracts.base import Done
from libs.contracts.ids import new_id
from libs.contracts.problems import Problem
from libs.contracts.storage import (
    BreakPromises,
    FileOutcome,
    FilesPut,
    KeysPromised,
    NewFile,
    PromiseKeys,
    PutFiles,
)
from services.storage import arriving
from services.storage.domain.arrivals import Arrival, check_new
from services.storage.domain.buckets import Bucket
from services.storage.domain.checks import answer
from services.storage.domain.errors import BucketNotFound, UploadExpired
from services.storage.domain.uploads import blob_key
from services.storage.repository import buckets, promises
from services.storage.settings import Settings


@serves(PromiseKeys)
async def promise_keys(request: PromiseKeys, db: Database, settings: Settings) -> KeysPromised:
    keys = [blob_key(new_id()) for _ in range(request.count)]
    async with db.connection() as conn:
        expires_at = await promises.insert(conn, keys, lease_s=settings.promise_lease_s)
    crashpoint("after_promise")
    return KeysPromised(keys=keys, expires_at=expires_at)


@serves(BreakPromises)
async def break_promises(request: BreakPromises, db: Database) -> Done:
    async with db.connection() as conn:
        await promises.break_(conn, request.keys)
    return Done()


@serves(PutFiles)
async def put_files(request: PutFiles, db: Database) -> FilesPut:
    """Commit what is right and say of each of the others what is wrong with it."""
    outcomes = {at: _checked(file) for at, file in enumerate(request.files)}
    right = [at for at, problem in outcomes.items() if problem is None]
    async with db.transaction() as tx:
        await _keep_promises(tx, request.files)
        found = await buckets.list_for_share(tx, {request.files[at].bucket for at in right})
        arrivals: dict[int, Arrival] = {}
        for at in right:
            arrival = _arrival(request.files[at], found)
            if isinstance(arrival, Arrival):
                arrivals[at] = arrival
            else:
                outcomes[at] = arrival
        done = await arriving.put(tx, list(arrivals.values())) if arrivals else []
        await _doom_refused(tx, request.files, arrivals)
        crashpoint("before_commit")
    crashpoint("after_commit")
    answers = dict(zip(arrivals, done, strict=True))
    return FilesPut(
        outcomes=[
            _told(arrivals.get(at), answers.get(at) or outcomes[at])
            for at in range(len(request.files))
        ]
    )


async def _keep_promises(tx: Connection, files: Sequence[NewFile]) -> None:
    """Take the promises as kept; what nobody uses of their objects is doomed with the rest."""
    keys = sorted({file.blob.key for file in files})
    if await promises.keep(tx, keys) != len(keys):
        raise UploadExpired("begin again: nothing was promised, or too long ago")


async def _doom_refused(
    tx: Connection, files: Sequence[NewFile], arrivals: Mapping[int, Arrival]
) -> None:
    """Have objects deleted of which nothing arrived."""
    refused = {file.blob.key for file in files}
    refused -= {arrival.place.key for arrival in arrivals.values()}
    if refused:
        await promises.doom(tx, sorted(refused))


def _checked(file: NewFile) -> Problem | None:
    try:
        check_new(file)
    except Problem as problem:
        return problem
    return None


def _arrival(file: NewFile, found: Mapping[str, Bucket]) -> Arrival | Problem:
    bucket = found.get(file.bucket)
    if bucket is None:
        return BucketNotFound(file.bucket, bucket=file.bucket)
    try:
        bucket.check_open()
    except Problem as problem:
        return problem
    return Arrival.of(file, bucket)


def _told(arrival: Arrival | None, outcome: arriving.Outcome | None) -> FileOutcome:
    if isinstance(outcome, Problem):
        return FileOutcome(problem=outcome.details())
    if arrival is None or outcome is None:
        raise ValueError("a file was neither put nor refused")
    return FileOutcome(put=answer(arrival, outcome))
