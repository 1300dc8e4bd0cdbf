"""A git repository's history, commit by commit into a bucket.

Blobs travel ahead of the commits that name them, a bounded number of steps; commits are told one
after the other, parents first. The same commit told again is there already, so an import that was
interrupted is simply run again: it tells its commits anew, and uploads nothing before the first
one whose content the bucket does not have.
"""

import asyncio
import hashlib
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from dulwich.objects import Commit, ObjectID
from msgspec import Struct

from libs.client.client import Client
from libs.client.commits import Imported
from libs.client.failures import ApiProblem, UnexpectedAnswer
from libs.client.files import guess_type
from libs.client.git import records
from libs.client.git.source import FileChange, Source
from libs.contracts.storage import PutContent, RemovePath

T = TypeVar("T")

NOT_HELD = "content-not-held"
PART_CHANGES = 1_000
"""Of one request: with paths of ordinary length it stays far below what a message holds."""
CHANGE_BYTES = 200
"""Of a change beside its path, as JSON."""
PART_BYTES = 256 * 1024
AHEAD = 16
"""Steps whose blobs are on their way while an earlier one is told."""
UPLOADS = 12
"""Blobs at once."""
LINK = 0o120000


class Counted(Struct):
    """How far an import is."""

    commits: int = 0
    blobs: int = 0
    bytes: int = 0
    inexact: int = 0
    """Commits whose headers are too long to be kept: an export gives them other ids."""


OnCount = Callable[[Counted], None]


class _Step(Struct):
    """A commit, or a part of one that is too large for a request."""

    commit: Commit
    changes: list[FileChange]
    first: bool = True
    last: bool = True
    plain: bool = True
    """This part and those before it put ordinary files only."""

    def blobs(self) -> set[ObjectID]:
        """Return the blobs that it names."""
        return {change.blob for change in self.changes if change.blob is not None}


class Importer:
    """One import into one bucket."""

    def __init__(
        self, client: Client, bucket: str, source: Source, on_count: OnCount | None = None
    ) -> None:
        self._client = client
        self._bucket = bucket
        self._source = source
        self._on_count = on_count
        self._blobs: dict[ObjectID, asyncio.Task[str]] = {}
        self._digests: dict[bytes, bytes] = {}
        """Of blobs that the history names by now; kept small, as there may be millions."""
        self._named: set[ObjectID] = set()
        # A repository's files are not made to be read by several threads at once.
        self._reader = ThreadPoolExecutor(1, "git")
        self._slots = asyncio.Semaphore(UPLOADS)
        self._uploads_ahead = False
        self._tree: str | None = None
        self.counted = Counted()

    async def run(
        self, order: list[ObjectID], known: Mapping[ObjectID, str]
    ) -> dict[ObjectID, str]:
        """Bring the commits of ``order`` along, parents first; return all that are there by id."""
        there = dict(known)
        waiting: deque[tuple[_Step, asyncio.Task[None]]] = deque()
        steps = self._steps(order)
        try:
            while True:
                while len(waiting) < AHEAD:
                    step = await self._read(next, steps, None)
                    if step is None:
                        break
                    waiting.append((step, asyncio.create_task(self._prepare(step))))
                if not waiting:
                    return there
                step, prepared = waiting[0]
                await prepared
                waiting.popleft()
                await self._tell(step, there)
        finally:
            tasks = [*(task for _, task in waiting), *self._blobs.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._reader.shutdown(cancel_futures=True)

    def _steps(self, order: list[ObjectID]) -> Iterator[_Step]:
        for commit_id in order:
            step = _Step(self._source.commit(commit_id), [])
            weight = 0
            for change in self._source.changes(step.commit):
                weight += len(change.path) + CHANGE_BYTES
                if len(step.changes) == PART_CHANGES or weight > PART_BYTES:
                    step.last = False
                    yield step
                    step = _Step(step.commit, [], first=False, plain=step.plain)
                    weight = 0
                step.changes.append(change)
                step.plain = step.plain and change.mode in (0, records.ORDINARY)
            yield step

    async def _prepare(self, step: _Step) -> None:
        """Know the digest of every blob that a step names, and usually have it uploaded."""
        new = [blob_id for blob_id in step.blobs() if _small(blob_id) not in self._digests]
        for blob_id in new:
            if blob_id not in self._blobs:
                upload = self._uploads_ahead
                self._blobs[blob_id] = asyncio.create_task(self._bring(blob_id, upload=upload))
        await asyncio.gather(*(asyncio.shield(self._blobs[blob_id]) for blob_id in new))

    async def _bring(self, blob_id: ObjectID, *, upload: bool) -> str:
        async with self._slots:
            content = await self._read(self._source.content, blob_id)
            if not upload:
                return hashlib.sha256(content).hexdigest()
            held = await self._client.contents.put(self._bucket, content)
            self.counted.blobs += 1
            self.counted.bytes += len(content)
            self._tell_count()
            return held.sha256

    async def _tell(self, step: _Step, there: dict[ObjectID, str]) -> None:
        """Import a step; its content is uploaded when the bucket turns out not to have it."""
        try:
            await self._import(step, there)
        except ApiProblem as problem:
            if problem.code != NOT_HELD:
                raise
            self._uploads_ahead = True
            await self._upload_again(step)
            await self._import(step, there)

    async def _upload_again(self, step: _Step) -> None:
        for blob_id in step.blobs():
            self._blobs[blob_id] = asyncio.create_task(self._bring(blob_id, upload=True))
        await asyncio.gather(*(self._blobs[blob_id] for blob_id in step.blobs()))

    async def _import(self, step: _Step, there: dict[ObjectID, str]) -> None:
        commit, record = step.commit, records.of_commit(step.commit)
        made = await self._client.commits.add_imported(
            self._bucket,
            Imported(
                author=record.author,
                committed_at=record.at,
                parents=[there[ObjectID(parent)] for parent in commit.parents],
                message=record.message,
                metadata=record.metadata | ({records.PLAIN: "yes"} if step.plain else {}),
                changes=[self._change(change) for change in step.changes],
                tree=None if step.first else self._tree,
                partial=not step.last,
            ),
        )
        if made.commit is None:
            raise UnexpectedAnswer("an imported commit was not answered with itself")
        self._tree = made.commit.tree
        self._named |= step.blobs()
        if step.last:
            self._remember()
            there[commit.id] = made.commit.commit_id
            self.counted.commits += 1
            self.counted.inexact += not record.exact
            self._tell_count()

    def _remember(self) -> None:
        """Keep only the digests of what the commit that was told names: the history has it now."""
        for blob_id in self._named:
            if (brought := self._blobs.pop(blob_id, None)) is not None:
                self._digests[_small(blob_id)] = bytes.fromhex(brought.result())
        self._named = set()

    def _digest(self, blob_id: ObjectID) -> str:
        kept = self._digests.get(_small(blob_id))
        return kept.hex() if kept is not None else self._blobs[blob_id].result()

    def _change(self, change: FileChange) -> PutContent | RemovePath:
        if change.blob is None:
            return RemovePath(path=change.path)
        is_ordinary = change.mode == records.ORDINARY
        return PutContent(
            path=change.path,
            sha256=self._digest(change.blob),
            content_type="inode/symlink" if change.mode == LINK else guess_type(change.path),
            metadata={} if is_ordinary else {records.MODE: f"{change.mode:06o}"},
        )

    def _tell_count(self) -> None:
        if self._on_count is not None:
            self._on_count(self.counted)

    async def _read(self, function: Callable[..., T], *arguments: object) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._reader, function, *arguments)


def _small(blob_id: ObjectID) -> bytes:
    return bytes.fromhex(blob_id.decode())
