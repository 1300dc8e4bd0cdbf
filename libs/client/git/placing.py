"""Branches and tags: set in a bucket after an import, in a git repository after an export."""

from collections.abc import Awaitable, Mapping

from dulwich.objects import ObjectID
from dulwich.refs import Ref
from dulwich.repo import Repo
from msgspec import Struct

from libs.client.client import Client
from libs.client.failures import ApiProblem
from libs.client.git import records
from libs.client.git.objects import Objects
from libs.client.git.source import HEADS, TAGS, NamedCommit, Source
from libs.contracts.versioning import BranchInfo, TagInfo

MAIN = "main"
TAKEN = "ref-exists"


class Placed(Struct, frozen=True):
    """What became of a branch or tag."""

    name: str
    commit: str
    state: str
    """``created``, ``moved``, ``merged``, ``there already``, or why it was left alone."""
    failed: bool = False


class _LeftAloneError(Exception):
    """A ref would lose what it names."""


class Placing:
    """Sets branches and tags of a bucket at imported commits."""

    def __init__(
        self, client: Client, bucket: str, source: Source, there: Mapping[ObjectID, str]
    ) -> None:
        self._client = client
        self._bucket = bucket
        self._source = source
        self._there = there
        self._git_ids = {commit: git_id for git_id, commit in there.items()}

    async def branch(self, name: str, head: ObjectID) -> Placed:
        """Let a branch name an imported commit; it only ever moves forward along git's history."""
        return await self._told(name, self._there[head], self._branch(name, head))

    async def main(self, name: str, head: ObjectID) -> Placed:
        """Merge an imported commit into main; it stays what the files show, in one transaction."""
        return await self._told(MAIN, self._there[head], self._main(name, head))

    async def tag(self, name: str, named: NamedCommit) -> Placed:
        """Create a tag at an imported commit."""
        return await self._told(name, self._there[named.commit], self._tag(name, named))

    async def _told(self, name: str, commit: str, placing: Awaitable[str]) -> Placed:
        """Return what became of a ref; what the platform refuses concerns this one only."""
        try:
            return Placed(name, commit, await placing)
        except ApiProblem as problem:
            if problem.status >= 500:
                raise
            return Placed(name, commit, f"left alone: {problem}", failed=True)
        except _LeftAloneError as why:
            return Placed(name, commit, f"left alone: {why}", failed=True)

    async def _branch(self, name: str, head: ObjectID) -> str:
        commit = self._there[head]
        found = await self._found(name)
        if found is None:
            await self._client.branches.create(self._bucket, name, source=commit)
            return "created"
        if found.commit_id == commit:
            return "there already"
        before = self._git_ids.get(found.commit_id or "")
        if before is None or not self._source.leads_to(before, head):
            raise _LeftAloneError("it has commits in the bucket that the git branch lacks")
        await self._client.branches.reset(self._bucket, name, commit, expect=found.commit_id)
        return "moved"

    async def _main(self, name: str, head: ObjectID) -> str:
        merged = await self._client.merges.merge(
            self._bucket,
            self._there[head],
            into=MAIN,
            message=f"Import {name} from git",
            metadata={records.HEAD: head.decode()},
        )
        return "there already" if merged.commit is None else "merged"

    async def _tag(self, name: str, named: NamedCommit) -> str:
        commit = self._there[named.commit]
        record = None if named.tag is None else records.of_tag(named.tag)
        try:
            await self._client.tags.create(
                self._bucket,
                name,
                source=commit,
                message="" if record is None else record.message,
                metadata={} if record is None else record.metadata,
            )
        except ApiProblem as problem:
            if problem.code != TAKEN:
                raise
            found = await self._client.tags.get(self._bucket, name)
            if found.commit_id != commit:
                raise _LeftAloneError("it names another commit") from problem
            return "there already"
        return "created"

    async def _found(self, name: str) -> BranchInfo | None:
        try:
            return await self._client.branches.get(self._bucket, name)
        except ApiProblem as problem:
            if problem.status != 404:
                raise
            return None


def place_branch(repo: Repo, name: str, commit: ObjectID, *, force: bool) -> Placed:
    """Let a git branch name a commit; without ``force`` it only moves forward."""
    ref = Ref(HEADS + name.encode())
    before = _named(repo, ref)
    shown = commit.decode()
    if before == commit:
        return Placed(name, shown, "there already")
    if before is not None and not force and not _leads_to(repo, before, commit):
        why = "left alone: it has commits that the bucket lacks; --force moves it"
        return Placed(name, shown, why, failed=True)
    repo.refs[ref] = commit
    return Placed(name, shown, "created" if before is None else "moved")


def place_tag(repo: Repo, objects: Objects, tag: TagInfo, commit: ObjectID) -> Placed:
    """Create a git tag: the one that was imported, or one that tells the same."""
    target = commit
    if records.TAG in tag.metadata or tag.message:
        target = objects.add(
            records.tag_again(tag.metadata, commit) or records.new_tag(tag, commit)
        )
        objects.flush()
    ref = Ref(TAGS + tag.name.encode())
    before = _named(repo, ref)
    if before is not None:
        is_same = before == target
        state = "there already" if is_same else "left alone: it names something else"
        return Placed(tag.name, target.decode(), state, failed=not is_same)
    repo.refs[ref] = target
    return Placed(tag.name, target.decode(), "created")


def _named(repo: Repo, ref: Ref) -> ObjectID | None:
    try:
        return repo.refs[ref]
    except KeyError:
        return None


def _leads_to(repo: Repo, before: ObjectID, commit: ObjectID) -> bool:
    from_head = repo.get_walker(include=[commit], exclude=[before])
    newest = {parent for entry in from_head for parent in entry.commit.parents}
    return before in newest
