"""Counters against a model of what should be counted, and against a recount, by random changes."""

from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from libs.chassis.database import Database
from libs.contracts.ids import new_id
from libs.contracts.storage import (
    CopyPath,
    EmptyTrash,
    GetBucketUsage,
    MovePath,
    MovePrefix,
    RemovePath,
    RestoreTrash,
    UpdateFile,
)
from services.storage.repository.recounts import recount
from tests.service.storage.bucket import ACTOR, Bucket, Making

PATHS = ("d/a", "d/b", "e/a", "e/b")


class Step(NamedTuple):
    """One change: what, of which path, to which other path or content."""

    what: str
    path: str
    other: str
    size: int


STEPS = st.builds(
    Step,
    what=st.sampled_from(
        ["put", "delete", "copy", "move", "tag", "move-prefix", "restore", "empty", "many"]
    ),
    path=st.sampled_from(PATHS),
    other=st.sampled_from(PATHS),
    size=st.integers(1, 4),
)


class Model:
    """What a bucket should count: each state once, as live, in the trash, or a version."""

    def __init__(self, *, versioned: bool, trash: bool) -> None:
        self.versioned = versioned
        self.trashing = trash
        self.live: dict[str, bytes] = {}
        self.trash: list[tuple[str, bytes]] = []
        self.versions: list[bytes] = []

    def set(self, path: str, body: bytes) -> None:
        before = self.live.get(path)
        if before is not None and before != body and self.versioned:
            self.versions.append(before)
        self.live[path] = body

    def remove(self, path: str) -> None:
        body = self.live.pop(path)
        if self.trashing:
            self.trash.append((path, body))
        elif self.versioned:
            self.versions.append(body)

    def move(self, source: str, path: str) -> None:
        body = self.live.pop(source)
        self.set(path, body)

    def end(self, path: str, at: int) -> bytes:
        """Take an entry out of the trash: it stays as a version, if there are any."""
        body = self.trash.pop(at)[1]
        if self.versioned:
            self.versions.append(body)
        return body

    def restore(self, path: str) -> None:
        at = max(n for n, (trashed, _) in enumerate(self.trash) if trashed == path)
        self.set(path, self.end(path, at))

    def empty(self, path: str) -> None:
        for at in reversed(range(len(self.trash))):
            if self.trash[at][0] == path:
                self.end(path, at)

    def totals(self) -> dict[str, tuple[int, int]]:
        kept = {
            "live": list(self.live.values()),
            "trash": [body for _, body in self.trash],
            "versions": self.versions,
        }
        return {what: (len(found), sum(map(len, found))) for what, found in kept.items()}


async def apply(bucket: Bucket, model: Model, step: Step) -> None:
    """Do the step to both, where it can be done."""
    path, other = step.path, step.other
    is_there = path in model.live
    if step.what == "put":
        body = new_id().bytes * step.size
        await bucket.put(path, body)
        model.set(path, body)
    elif step.what == "delete" and is_there:
        await bucket.delete(path)
        model.remove(path)
    elif step.what == "copy" and is_there and path != other:
        await bucket.change(CopyPath(source=path, path=other))
        model.set(other, model.live[path])
    elif step.what == "move" and is_there and path != other:
        await bucket.change(MovePath(source=path, path=other))
        model.move(path, other)
    elif step.what == "tag" and is_there:
        tags = {"size": str(step.size)}
        await bucket.ask(UpdateFile(bucket=bucket.name, path=path, actor=ACTOR, tags=tags))
    elif step.what == "many" and is_there and other in model.live and path != other:
        await bucket.change(RemovePath(path=path), RemovePath(path=other))
        model.remove(path)
        model.remove(other)
    else:
        await _apply_to_trash_or_prefix(bucket, model, step)


async def _apply_to_trash_or_prefix(bucket: Bucket, model: Model, step: Step) -> None:
    in_trash = any(trashed == step.path for trashed, _ in model.trash)
    below = [path for path in model.live if path.startswith("d/")]
    if step.what == "move-prefix" and below:
        change = MovePrefix(source_prefix="d/", prefix="e/", overwrite=True)
        await bucket.change(change)
        for path in below:
            model.move(path, f"e/{path[2:]}")
    elif step.what == "restore" and in_trash:
        await bucket.ask(
            RestoreTrash(bucket=bucket.name, actor=ACTOR, paths=[step.path], overwrite=True)
        )
        model.restore(step.path)
    elif step.what == "empty" and in_trash:
        await bucket.ask(EmptyTrash(bucket=bucket.name, actor=ACTOR, path=step.path))
        model.empty(step.path)


@settings(max_examples=25)
@given(versioned=st.booleans(), trash=st.booleans(), steps=st.lists(STEPS, max_size=20))
async def test_counters_equal_the_model_and_a_recount(
    a_bucket_with: Making, db: Database, versioned: bool, trash: bool, steps: list[Step]
) -> None:
    bucket = await a_bucket_with(
        versioning="auto" if versioned else "off", trash_s=3600 if trash else 0
    )
    model = Model(versioned=versioned, trash=trash)

    for step in steps:
        await apply(bucket, model, step)

    usage = await bucket.ask(GetBucketUsage(bucket=bucket.name))
    counted = {
        what: (amount.number, amount.bytes)
        for what, amount in (
            ("live", usage.live),
            ("trash", usage.trash),
            ("versions", usage.versions),
        )
    }
    assert counted == model.totals()
    async with db.connection() as conn:
        assert await recount(conn) == []
