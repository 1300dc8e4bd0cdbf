"""A bucket's history, commit by commit into a git repository.

What was imported from git gets its own id back; it is made anew from what was kept of it and proven
to have that id. Everything else becomes the git commit that tells the same, always with the same
id, so that an export can be repeated and go on.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from dulwich.objects import Blob, Commit, ObjectID
from dulwich.repo import Repo
from msgspec import Struct

from libs.client.client import Client
from libs.client.failures import ApiProblem, ClientFailure
from libs.client.git import records
from libs.client.git.names import refused_by_git
from libs.client.git.objects import Entry, Objects, changed_tree
from libs.client.git.walking import Line, in_order, walk
from libs.contracts.versioning import CommitInfo

T = TypeVar("T")

GONE = "version-expired"
AHEAD = 8
"""Commits that are asked for while an earlier one is written."""
DOWNLOADS = 12
LIST_FILES = 100
"""Listing so many files costs about as much as asking for one."""


class Exported(Struct):
    """How far an export is."""

    commits: int = 0
    blobs: int = 0
    bytes: int = 0
    known: int = 0
    """Commits that the git repository had already."""
    other: int = 0
    """Commits that came from git and did not get their id back."""


OnCount = Callable[[Exported], None]


class _Ready(Struct, frozen=True):
    """A commit, and the blobs that it puts; None where it removes."""

    info: CommitInfo
    entries: dict[str, Entry | None]


class Exporter:
    """One export out of one bucket."""

    def __init__(
        self, client: Client, bucket: str, repo: Repo, on_count: OnCount | None = None
    ) -> None:
        self._client = client
        self._bucket = bucket
        self._repo = repo
        self._objects = Objects(repo)
        self._on_count = on_count
        self._lines: dict[str, Line] = {}
        self._commits: dict[str, ObjectID] = {}
        self._trees: dict[str, ObjectID] = {}
        """The git tree of each commit."""
        self._blobs: dict[bytes, bytes] = {}
        # What is collected for a pack is not made to be changed by several threads at once.
        self._writer = ThreadPoolExecutor(1, "git")
        self._slots = asyncio.Semaphore(DOWNLOADS)
        self.counted = Exported()

    async def run(self, heads: list[str]) -> dict[str, ObjectID]:
        """Write what leads to ``heads``; return the git commit of each."""
        async for commit in walk(self._client, self._bucket, heads):
            self._lines[commit.commit_id] = Line(
                parents=commit.parents,
                tree=commit.tree,
                git_commit=records.git_id(commit),
            )
        wanted = deque(one for one in in_order(self._lines, heads) if not self._is_known(one))
        ready: deque[asyncio.Task[_Ready]] = deque()
        try:
            while wanted or ready:
                while wanted and len(ready) < AHEAD:
                    ready.append(asyncio.create_task(self._prepare(wanted.popleft())))
                commit_ready = await ready[0]
                ready.popleft()
                await self._do(self._write, commit_ready)
                self._tell_count()
        finally:
            for task in ready:
                task.cancel()
            await asyncio.gather(*ready, return_exceptions=True)
            # What was written so far is whole, and the next export goes on behind it.
            await self._do(self._objects.flush)
            self._writer.shutdown()
        return {head: self._commits[head] for head in heads}

    def _is_known(self, commit_id: str) -> bool:
        """Tell whether the repository has the git commit that this was."""
        git_id = self._lines[commit_id].git_commit
        if git_id is None or (found := _find_commit(self._repo, git_id)) is None:
            return False
        self._commits[commit_id] = found.id
        self._trees[commit_id] = found.tree
        self.counted.known += 1
        return True

    async def _prepare(self, commit_id: str) -> _Ready:
        detail = await self._client.versions.commit(self._bucket, commit_id)
        info = detail.commit
        if detail.truncated:
            changed = await self._all_changed(info)
        else:
            changed = {_checked(one.path, one.after): one.after for one in detail.changes}
        modes = {} if records.is_plain(info) else await self._modes(info, changed)
        puts = {path: digest for path, digest in changed.items() if digest is not None}
        blobs: dict[str, ObjectID] = {}
        once = {digest: path for path, digest in puts.items()}
        downloads = (self._bring(digest, path, info, blobs) for digest, path in once.items())
        await asyncio.gather(*downloads)
        entries: dict[str, Entry | None] = {
            path: None if digest is None else (modes.get(path, records.ORDINARY), blobs[digest])
            for path, digest in changed.items()
        }
        return _Ready(info, entries)

    async def _all_changed(self, info: CommitInfo) -> dict[str, str | None]:
        """Return the digest of each path that a commit changed; None where it removed one."""
        if not info.parents:
            files = self._client.files.list(self._bucket, ref=info.commit_id)
            return {_checked(file.path, file.sha256): file.sha256 async for file in files}
        changed: dict[str, str | None] = {}
        between = self._client.diffs.between(self._bucket, info.parents[0], info.commit_id)
        moved_from: list[str] = []
        async for one in between:
            after = None if one.after is None else one.after.sha256
            changed[_checked(one.path, after)] = after
            moved_from += [] if one.moved_from is None else [one.moved_from]
        # What came to where something went from was told as well, and is how it is now.
        return dict.fromkeys(moved_from) | changed

    async def _modes(self, info: CommitInfo, changed: Mapping[str, str | None]) -> dict[str, int]:
        """Return the mode of each changed path that is no ordinary file."""
        puts = [path for path, digest in changed.items() if digest is not None]
        if len(puts) > info.files // LIST_FILES:
            files = self._client.files.list(self._bucket, ref=info.commit_id)
            labels = {file.path: file.metadata async for file in files}
        else:
            stat = self._client.files.stat
            found = [await stat(self._bucket, path, ref=info.commit_id) for path in puts]
            labels = {file.path: file.metadata for file in found}
        return {path: records.mode_of(labels.get(path, {})) for path in puts}

    async def _bring(
        self, digest: str, path: str, info: CommitInfo, blobs: dict[str, ObjectID]
    ) -> None:
        small = bytes.fromhex(digest)
        if (known := self._blobs.get(small)) is not None:
            blobs[digest] = ObjectID(known.hex().encode())
            return
        async with self._slots:
            try:
                content = await self._client.files.get(self._bucket, path, ref=info.commit_id)
            except ApiProblem as problem:
                if problem.code != GONE:
                    raise
                raise ClientFailure(
                    f"{path} at commit {info.commit_id[:12]} was given up: nobody has its bytes; "
                    "a history without them cannot be exported"
                ) from problem
        blobs[digest] = await self._do(self._add_blob, content)
        self._blobs[small] = bytes.fromhex(blobs[digest].decode())
        self.counted.blobs += 1
        self.counted.bytes += len(content)

    def _add_blob(self, content: bytes) -> ObjectID:
        return self._objects.add(Blob.from_string(content))

    def _write(self, ready: _Ready) -> None:
        info = ready.info
        forward = self._forward(info)
        if forward is not None:
            self._commits[info.commit_id] = self._commits[forward]
            self._trees[info.commit_id] = self._trees[forward]
            return
        parents = [self._commits[parent] for parent in info.parents]
        before = self._trees[info.parents[0]] if info.parents else None
        tree = changed_tree(self._objects, before, ready.entries)
        commit = records.commit_again(info.metadata, info.message, tree, parents)
        if commit is None:
            self.counted.other += records.git_id(info) is not None
            commit = records.new_commit(info, tree, parents)
        self._commits[info.commit_id] = self._objects.add(commit)
        self._trees[info.commit_id] = tree
        self.counted.commits += 1

    def _forward(self, info: CommitInfo) -> str | None:
        """Return the imported commit that a merge brought to main and that says all of it."""
        for parent in info.parents:
            line = self._lines[parent]
            if line.git_commit == info.metadata.get(records.HEAD, "") and line.tree == info.tree:
                return parent
        return None

    def _tell_count(self) -> None:
        if self._on_count is not None:
            self._on_count(self.counted)

    async def _do(self, function: Callable[..., T], *arguments: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._writer, function, *arguments)


def _checked(path: str, after: str | None) -> str:
    """Return a path that git can have, or that is removed; raises ``ClientFailure``."""
    if after is not None and (why := refused_by_git(path)) is not None:
        raise ClientFailure(f"git cannot have a file {path}: {why}")
    return path


def _find_commit(repo: Repo, git_id: str) -> Commit | None:
    try:
        found = repo.object_store[ObjectID(git_id.encode())]
    except KeyError:
        return None
    return found if isinstance(found, Commit) else None
