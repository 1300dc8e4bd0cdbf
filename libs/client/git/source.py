"""A git repository on this machine, read."""

import zlib
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from dulwich.diff_tree import tree_changes
from dulwich.errors import ChecksumMismatch, NotGitRepository, ObjectFormatException
from dulwich.objects import Blob, Commit, ObjectID, Tag
from dulwich.refs import Ref
from dulwich.repo import Repo
from msgspec import Struct, field

from libs.client.failures import ClientFailure, Usage
from libs.client.git.names import refused_path
from libs.client.git.ordering import parents_first

T = TypeVar("T", Commit, Blob)
HEADS, TAGS = Ref(b"refs/heads/"), Ref(b"refs/tags/")
SUBMODULE = 0o160000
UNREADABLE = (KeyError, ObjectFormatException, ChecksumMismatch, zlib.error)


class FileChange(Struct, frozen=True):
    """What a commit makes of a path; without ``blob`` it is removed."""

    path: str
    blob: ObjectID | None = None
    mode: int = 0


class NamedCommit(Struct, frozen=True):
    """A tag, and the commit that it names."""

    commit: ObjectID
    tag: Tag | None = None
    """The tag's own object, where it has one."""


class Survey(Struct):
    """What was seen before anything is changed."""

    refused: dict[str, str] = field(default_factory=dict)
    """Paths that a bucket cannot have, and why."""
    submodules: set[str] = field(default_factory=set)


class _RawChange(Struct, frozen=True):
    path: bytes
    mode: int
    blob: ObjectID | None
    was_file: bool


class Source:
    """A repository, bare or not."""

    def __init__(self, path: Path) -> None:
        try:
            self._repo = Repo(str(path))
        except NotGitRepository as error:
            raise Usage(f"{path} is no git repository") from error
        if self._repo.object_format.name != "sha1":
            raise Usage(f"{path} names its objects by {self._repo.object_format.name}, not by sha1")
        if self._repo.get_shallow():
            raise Usage(f"{path} is a shallow clone; first: git fetch --unshallow")

    def close(self) -> None:
        """Close its files."""
        self._repo.close()

    def branches(self) -> dict[str, ObjectID]:
        """Return the local branches and what each names."""
        return {name: ObjectID(target) for name, target in self._refs(HEADS)}

    def tags(self) -> dict[str, NamedCommit | None]:
        """Return the tags; None where one names no commit."""
        return {name: self._peeled(ObjectID(target)) for name, target in self._refs(TAGS)}

    def head(self) -> str | None:
        """Return the name of the branch that is checked out."""
        followed, _ = self._repo.refs.follow(Ref(b"HEAD"))
        last = followed[-1] if followed else b""
        return last[len(HEADS) :].decode() if last.startswith(HEADS) else None

    def commit(self, commit_id: ObjectID) -> Commit:
        """Return a commit; raises ``ClientFailure`` when the repository lacks it."""
        return self._read(commit_id, Commit)

    def content(self, blob_id: ObjectID) -> bytes:
        """Return the bytes of a blob."""
        return self._read(blob_id, Blob).as_raw_string()

    def history(
        self, heads: Iterable[ObjectID], known: Collection[ObjectID] = ()
    ) -> list[ObjectID]:
        """Return the commits that lead to ``heads``, parents first, without what leads to known."""
        return parents_first(heads, lambda commit_id: self.commit(commit_id).parents, known)

    def leads_to(self, commit_id: ObjectID, head: ObjectID) -> bool:
        """Tell whether ``head`` is or comes after a commit."""
        seen: set[ObjectID] = set()
        waiting = [head]
        while waiting:
            each = waiting.pop()
            if each == commit_id:
                return True
            if each not in seen:
                seen.add(each)
                waiting += self.commit(each).parents
        return False

    def survey(self, commits: Iterable[ObjectID]) -> Iterator[Survey]:
        """Look at every change of every path; yield what was seen so far after each commit."""
        seen = Survey()
        for commit_id in commits:
            for change in self._raw_changes(self.commit(commit_id)):
                if (why := refused_path(change.path)) is not None:
                    seen.refused[change.path.decode(errors="backslashreplace")] = why
                elif change.mode == SUBMODULE:
                    seen.submodules.add(change.path.decode())
            yield seen

    def changes(self, commit: Commit) -> Iterator[FileChange]:
        """Yield what a commit did to files, against its first parent; submodules are left out."""
        for change in self._raw_changes(commit):
            if change.blob is not None and change.mode != SUBMODULE:
                yield FileChange(change.path.decode(), change.blob, change.mode)
            elif change.was_file:
                yield FileChange(change.path.decode())

    def _raw_changes(self, commit: Commit) -> Iterator[_RawChange]:
        before = self.commit(commit.parents[0]).tree if commit.parents else None
        try:
            for change in tree_changes(self._repo.object_store, before, commit.tree):
                new, old = change.new, change.old
                was_file = old is not None and old.mode != SUBMODULE
                if new is not None:
                    yield _RawChange(new.path, new.mode, new.sha, was_file)
                elif old is not None:
                    yield _RawChange(old.path, 0, None, was_file)
        except UNREADABLE as error:
            raise _unreadable(commit.id, error) from error

    def _refs(self, prefix: Ref) -> list[tuple[str, bytes]]:
        found = self._repo.refs.as_dict(prefix)
        return sorted((name.decode(errors="replace"), target) for name, target in found.items())

    def _peeled(self, target: ObjectID) -> NamedCommit | None:
        outer: Tag | None = None
        found = self._repo.get_object(target)
        while isinstance(found, Tag):
            outer = outer or found
            found = self._repo.get_object(found.object[1])
        if not isinstance(found, Commit):
            return None
        is_nested = outer is not None and outer.object[1] != found.id
        return NamedCommit(found.id, None if is_nested else outer)

    def _read(self, object_id: ObjectID, kind: type[T]) -> T:
        try:
            found = self._repo.object_store[object_id]
        except UNREADABLE as error:
            raise _unreadable(object_id, error) from error
        if not isinstance(found, kind):
            raise ClientFailure(f"git object {object_id.decode()} is no {kind.__name__.lower()}")
        return found


def _unreadable(object_id: bytes, error: Exception) -> ClientFailure:
    return ClientFailure(
        f"the git repository lacks what {object_id.decode()} needs, or it is damaged "
        f"({type(error).__name__}); git fsck tells more"
    )
