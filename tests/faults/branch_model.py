"""What branches may hold: dicts of dicts, and merges of them as plainly as they can be written.

Nothing here knows trees, lines or segments: a commit is its files and its parents, and what two
commits have in common is found by walking over sets.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple, TypeAlias

MAIN = "main"


class File(NamedTuple):
    """What stands at a path: one of the contents, and how it is described."""

    content: int
    content_type: str


Files: TypeAlias = Mapping[str, File]
States: TypeAlias = Mapping[str, File | None]
Side: TypeAlias = Literal["ours", "theirs"]


class Refused(Exception):
    """The change cannot be made, and nothing of it is."""

    def __init__(self, code: str, conflicts: Mapping[str, tuple[File | None, ...]] | None = None):
        super().__init__(code)
        self.code = code
        self.conflicts = conflicts or {}


@dataclass(frozen=True)
class Commit:
    files: Files
    parents: tuple[int, ...] = ()


@dataclass(frozen=True)
class Branch:
    head: int | None = None
    """A place among the world's commits."""
    staged: States = field(default_factory=dict)


@dataclass(frozen=True)
class World:
    """All that a bucket's history holds."""

    commits: tuple[Commit, ...] = ()
    branches: Mapping[str, Branch] = field(default_factory=lambda: {MAIN: Branch()})

    def branch(self, name: str) -> Branch:
        if name not in self.branches:
            raise Refused("branch-not-found")
        return self.branches[name]

    def head(self, name: str) -> int:
        """Return the commit that a branch names."""
        found = self.branches.get(name)
        if found is None or found.head is None:
            raise Refused("ref-not-found")
        return found.head

    def committed(self, name: str) -> Files:
        return self.files(self.branch(name).head)

    def files(self, commit: int | None) -> Files:
        return {} if commit is None else self.commits[commit].files

    def shown(self, name: str) -> Files:
        """Return what readers of a branch see."""
        return applied(self.committed(name), self.branch(name).staged)

    def having(self, name: str, branch: Branch) -> "World":
        """Return the world with another branch; what is staged is what differs."""
        now = self.files(branch.head)
        staged = {path: file for path, file in branch.staged.items() if now.get(path) != file}
        return replace(self, branches={**self.branches, name: replace(branch, staged=staged)})

    def behind(self, commit: int) -> frozenset[int]:
        """Return a commit with all that is behind it."""
        found: set[int] = set()
        waiting = [commit]
        while waiting:
            if (one := waiting.pop()) not in found:
                found.add(one)
                waiting += self.commits[one].parents
        return frozenset(found)

    def bases(self, ours: int | None, theirs: int) -> list[int | None]:
        """Return the common ancestors that no other has behind it; None stands for no files."""
        common = self.behind(theirs) & (frozenset() if ours is None else self.behind(ours))
        best = [one for one in common if not any(one in self.behind(o) for o in common - {one})]
        return [*sorted(best, reverse=True)] if best else [None]


Change: TypeAlias = Callable[[World], World]
"""Returns what a world becomes, or raises ``Refused``."""


def applied(files: Files, states: States) -> Files:
    after = {**files, **states}
    return {path: file for path, file in sorted(after.items()) if file is not None}


def commit(
    name: str, states: States, *, merges: tuple[int, ...] = (), even_empty: bool = False
) -> Change:
    """Commit states to a branch; without a difference there is no commit."""

    def change(world: World) -> World:
        branch = world.branch(name)
        files = applied(world.committed(name), states)
        if files == world.committed(name) and not even_empty:
            return world
        parents = (() if branch.head is None else (branch.head,)) + merges
        made = Commit(files, parents)
        grown = replace(world, commits=(*world.commits, made))
        return grown.having(name, replace(branch, head=len(world.commits)))

    return change


def commit_changes(name: str, states: States) -> Change:
    """Commit changes: what was staged of their paths is so no more."""

    def change(world: World) -> World:
        made = commit(name, states)(world)
        if made is world:
            return world
        branch = made.branch(name)
        staged = {path: file for path, file in branch.staged.items() if path not in states}
        return made.having(name, replace(branch, staged=staged))

    return change


def commit_staged(name: str) -> Change:
    return lambda world: commit(name, world.branch(name).staged)(world)


def write(name: str, path: str, file: File | None) -> Change:
    """Write or delete one file of a branch: at once on main, else it waits for a commit.

    On main a put is a new version, also of what is there.
    """

    def change(world: World) -> World:
        if file is None and path not in world.shown(name):
            raise Refused("file-not-found")
        if name == MAIN:
            return commit(name, {path: file}, even_empty=True)(world)
        branch = world.branch(name)
        return world.having(name, replace(branch, staged={**branch.staged, path: file}))

    return change


def merge(
    source: str,
    into: str,
    resolutions: Mapping[str, Side | File | None],
    otherwise: Side | None,
    *,
    squash: bool,
) -> Change:
    """Merge three-way; resolutions are given for those paths only that are in conflict."""

    def change(world: World) -> World:
        theirs = world.head(source)
        branch = world.branch(into)
        if branch.head is not None and theirs in world.behind(branch.head):
            return world
        bases = [world.files(base) for base in world.bases(branch.head, theirs)]
        states, conflicts = three_ways(bases, world.committed(into), world.files(theirs))
        if set(resolutions) - conflicts.keys():
            raise Refused("resolution-unused")
        for path, (_, our, their) in list(conflicts.items()):
            if path in resolutions or otherwise is not None:
                chosen = resolutions.get(path, otherwise)
                sides = {"ours": our, "theirs": their}
                states[path] = sides[chosen] if isinstance(chosen, str) else chosen
                del conflicts[path]
        if conflicts:
            raise Refused("merge-conflict", conflicts)
        merges = () if squash else (theirs,)
        return commit(into, states, merges=merges, even_empty=not squash)(world)

    return change


def seen_before(change: Change, source: str, before: World) -> Change:
    """Return a change that took its source as it was ``before`` others changed that.

    A change holds only the branch that it changes: two branches may be merged crosswise at once.
    """

    def changed(world: World) -> World:
        then, now = before.branches.get(source), world.branches.get(source)
        if then is None or now is None:
            return change(world)
        after = change(replace(world, branches={**world.branches, source: then}))
        return replace(after, branches={**after.branches, source: now})

    return changed


def conflicts_of(world: World, source: str, into: str) -> list[str]:
    """Return the paths that a merge would find in conflict."""
    try:
        merge(source, into, {}, None, squash=False)(world)
    except Refused as refused:
        return sorted(refused.conflicts)
    return []


def revert(name: str, steps: int, named: World | None = None) -> Change:
    """Take back what a commit did against its first parent; ``named`` is where it was found."""

    def change(world: World) -> World:
        undone = back(named or world, name, steps)
        parents = world.commits[undone].parents
        before = world.files(parents[0] if parents else None)
        states, conflicts = three_way(world.files(undone), world.committed(name), before)
        if conflicts:
            raise Refused("merge-conflict", conflicts)
        return commit(name, states)(world)

    return change


def restore(name: str, source: str, steps: int) -> Change:
    """Make all files of a branch as they were."""

    def change(world: World) -> World:
        then = world.files(back(world, source, steps))
        now = world.committed(name)
        return commit(name, {path: then.get(path) for path in {*then, *now}})(world)

    return change


def reset(name: str, source: str, steps: int) -> Change:
    """Let a branch name another commit, whatever is staged on it."""

    def change(world: World) -> World:
        if name == MAIN:
            raise Refused("main-moves-by-commits")
        target = back(world, source, steps)
        world.branch(name)
        return world.having(name, Branch(target))

    return change


def create(name: str, source: str) -> Change:
    def change(world: World) -> World:
        if source not in world.branches:
            raise Refused("ref-not-found")
        if name in world.branches:
            raise Refused("ref-exists")
        return world.having(name, Branch(world.branches[source].head))

    return change


def delete(name: str) -> Change:
    def change(world: World) -> World:
        if name == MAIN:
            raise Refused("main-moves-by-commits")
        world.branch(name)
        left = {other: branch for other, branch in world.branches.items() if other != name}
        return replace(world, branches=left)

    return change


def back(world: World, name: str, steps: int) -> int:
    """Return the commit so many before a branch's head, along first parents."""
    found = world.head(name)
    for _ in range(steps):
        parents = world.commits[found].parents
        if not parents:
            raise Refused("ref-not-found")
        found = parents[0]
    return found


def three_ways(
    bases: Sequence[Files], ours: Files, theirs: Files
) -> tuple[dict[str, File | None], dict[str, tuple[File | None, ...]]]:
    """Merge from each base; where these say different things, the path is in conflict."""
    states, conflicts = three_way(bases[0], ours, theirs)
    for base in bases[1:]:
        other_states, other_conflicts = three_way(base, ours, theirs)
        for path in {*ours, *theirs}:
            if ((path in states), (path in conflicts)) != (
                (path in other_states),
                (path in other_conflicts),
            ):
                states.pop(path, None)
                conflicts[path] = (bases[0].get(path), ours.get(path), theirs.get(path))
    return states, conflicts


def three_way(
    base: Files, ours: Files, theirs: Files
) -> tuple[dict[str, File | None], dict[str, tuple[File | None, ...]]]:
    """Return what paths of ours become, and those that both sides changed differently."""
    states: dict[str, File | None] = {}
    conflicts: dict[str, tuple[File | None, ...]] = {}
    for path in sorted({*base, *ours, *theirs}):
        was, our, their = base.get(path), ours.get(path), theirs.get(path)
        if our == their or their == was:
            continue
        if our == was:
            states[path] = their
        else:
            conflicts[path] = (was, our, their)
    return states, conflicts
