"""A bucket with branches as tests use it: files have words for contents, and come back as words."""

from typing import Any

import pytest

from libs.contracts.base import R, Request
from libs.contracts.problems import AnsweredWithProblem
from libs.contracts.storage import HoldContents
from libs.contracts.values import CommitId
from libs.contracts.versioning import (
    BranchInfo,
    CommitInfo,
    Content,
    CreateBranch,
    GetBranch,
    ListCommits,
    ListEntries,
    Merge,
    Merged,
    StagedWrite,
    StageWrites,
)
from tests.service.storage.bucket import ACTOR, Bucket, digest


class Branching:
    """One bucket of the running platform; no other has its bytes."""

    def __init__(self, bucket: Bucket) -> None:
        self.bucket = bucket
        self.name = bucket.name
        self._word_of: dict[str, str] = {}
        self._held: set[str] = set()

    async def ask(self, request: Request[R], *, timeout_s: float = 30.0) -> R:
        return await self.bucket.ask(request, timeout_s=timeout_s)

    def body(self, word: str) -> bytes:
        """Return the bytes that ``word`` stands for."""
        body = f"{self.name} {word}".encode()
        self._word_of[digest(body)] = word
        return body

    def sha256(self, word: str) -> str:
        return digest(self.body(word))

    async def put(self, **words: str) -> None:
        """Put files of main, as anybody does."""
        for path, word in words.items():
            await self.bucket.put(path, self.body(word))

    async def hold(self, *words: str) -> None:
        """Have storage hold the bytes of these words."""
        for word in set(words) - self._held:
            await self.bucket.put("held", self.body(word), hold=True)
            self._held.add(word)

    async def branch(self, name: str, source: str = "main", **wish: Any) -> BranchInfo:
        """Make a branch on which each write is a commit."""
        return await self.ask(
            CreateBranch(
                bucket=self.name, name=name, source=source, actor=ACTOR, auto_commit=True, **wish
            )
        )

    async def write(self, branch: str, **words: str | None) -> CommitId:
        """Commit words to a branch other than main; None removes a file."""
        return await self.write_states(
            branch,
            [
                StagedWrite(path=path)
                if word is None
                else StagedWrite(path=path, sha256=self.sha256(word), size=len(self.body(word)))
                for path, word in words.items()
            ],
            *[word for word in words.values() if word is not None],
        )

    async def write_states(self, branch: str, writes: list[StagedWrite], *words: str) -> CommitId:
        """Commit writes that name the bytes of ``words``."""
        await self.hold(*words)
        held_until = None
        if words:
            digests = [self.sha256(word) for word in words]
            held = await self.ask(HoldContents(bucket=self.name, digests=digests))
            held_until = held.held_until
        answer = await self.ask(
            StageWrites(
                bucket=self.name,
                branch=branch,
                actor=ACTOR,
                writes=writes,
                held_until=held_until,
            )
        )
        assert answer.commit_id is not None
        return answer.commit_id

    async def content(self, word: str, **described: Any) -> Content:
        """Return a resolution by content."""
        await self.hold(word)
        return Content(sha256=self.sha256(word), **described)

    async def merge(self, source: str, into: str = "main", **wish: Any) -> Merged:
        return await self.ask(
            Merge(bucket=self.name, source=source, into=into, actor=ACTOR, **wish)
        )

    async def conflicts(self, source: str, into: str = "main", **wish: Any) -> dict[str, Any]:
        """Return what a merge that is refused tells of its conflicts."""
        with pytest.raises(AnsweredWithProblem) as refused:
            await self.merge(source, into, **wish)
        assert refused.value.named == "merge-conflict", refused.value
        return refused.value.details().fields

    async def head(self, branch: str) -> CommitId | None:
        return (await self.ask(GetBranch(bucket=self.name, name=branch))).commit_id

    async def commits(self, ref: str) -> list[CommitInfo]:
        """Return the history of a ref along first parents, the newest first."""
        return (await self.ask(ListCommits(bucket=self.name, ref=ref, limit=1000))).items

    async def words(self, ref: str) -> dict[str, str]:
        """Return the files at ``ref`` by their words."""
        items = (await self.ask(ListEntries(bucket=self.name, ref=ref, limit=1000))).items
        return {item.path: self._word_of[item.sha256] for item in items}

    async def files(self) -> dict[str, str]:
        """Return what storage has, by words."""
        found = await self.bucket.all()
        return {path: self._word_of[file.sha256] for path, file in found.items()}
