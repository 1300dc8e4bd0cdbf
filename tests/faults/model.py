"""What a bucket may hold: a dict for each course that requests without an answer may have taken.

A request that was answered happened, or was refused, in every course. One whose outcome nobody
knows happened in half of them, and what is read later tells which courses were none.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

OK, ABSENT, TAKEN, UNEXPECTED = "ok", "absent", "taken", "unexpected"
"""What becomes of a change: it is made, or refused with 404, 409 or 412."""

States: TypeAlias = tuple[str | None, ...]
"""The digest of each revision of a path, the first one first; None where it was deleted."""


class Refused(Exception):
    """The change cannot be made, and nothing of it is."""


@dataclass(frozen=True)
class World:
    """All that a bucket holds, and held."""

    files: Mapping[str, States] = field(default_factory=dict)
    trash: Mapping[tuple[str, int], str] = field(default_factory=dict)
    """The digest of each deleted state by path and revision."""

    def now(self, path: str) -> str | None:
        """Return the digest of a path's present content."""
        return self.files.get(path, (None,))[-1]

    def live(self) -> dict[str, tuple[str, int]]:
        """Return digest and revision of every file."""
        return {
            path: (states[-1], len(states))
            for path, states in sorted(self.files.items())
            if states[-1] is not None
        }

    def having(self, changed: Mapping[str, str | None]) -> "World":
        """Return the world where paths got another state."""
        files = {path: (*self.files.get(path, ()), state) for path, state in changed.items()}
        return World({**self.files, **files}, self.trash)


Change: TypeAlias = Callable[[World], World]
"""Returns what a world becomes, or raises ``Refused``."""


def put(path: str, digest: str, expect: str | None = None, *, absent: bool = False) -> Change:
    """Overwrite ``path``, if need be only when it has the digest ``expect``, or no content."""

    def change(world: World) -> World:
        if absent and world.now(path) is not None:
            raise Refused(UNEXPECTED)
        if expect is not None and world.now(path) != expect:
            raise Refused(UNEXPECTED)
        return world.having({path: digest})

    return change


def delete(path: str, *, trash: bool) -> Change:
    def change(world: World) -> World:
        digest = world.now(path)
        if digest is None:
            raise Refused(ABSENT)
        gone = world.having({path: None})
        kept = {(path, len(world.files[path])): digest} if trash else {}
        return World(gone.files, {**world.trash, **kept})

    return change


def copy(source: str, path: str) -> Change:
    """Copy a file; what changes nothing makes no revision."""

    def change(world: World) -> World:
        digest = world.now(source)
        if digest is None:
            raise Refused(ABSENT)
        return world if digest == world.now(path) else world.having({path: digest})

    return change


def move(source: str, path: str, *, trash: bool) -> Change:
    def change(world: World) -> World:
        if world.now(source) is None:
            raise Refused(ABSENT)
        return _moved(world, {source: path}, trash=trash)

    return change


def move_folder(source: str, folder: str, *, trash: bool) -> Change:
    """Move all that lies below ``source``, over what is there."""

    def change(world: World) -> World:
        found = [path for path in world.live() if path.startswith(source)]
        if not found:
            raise Refused(ABSENT)
        return _moved(world, {path: folder + path[len(source) :] for path in found}, trash=trash)

    return change


def _moved(world: World, wanted: Mapping[str, str], *, trash: bool) -> World:
    """Move each file; one whose bytes are at its destination already is deleted, into the trash."""
    changed = {
        path: world.now(source)
        for source, path in wanted.items()
        if world.now(source) != world.now(path)
    }
    replacing = {digest for path, digest in changed.items() if world.now(path) is not None}
    trashed = {
        (source, len(world.files[source])): digest
        for source, path in wanted.items()
        if trash
        and (digest := world.now(source)) is not None
        and digest == world.now(path)
        and digest not in replacing
    }
    moved = world.having(changed | dict.fromkeys(wanted))
    return World(moved.files, {**world.trash, **trashed})


def restore_version(path: str, digest: str) -> Change:
    """Make a file as it was; what is so already stays."""

    def change(world: World) -> World:
        return world if world.now(path) == digest else world.having({path: digest})

    return change


def restore_trash(path: str, *, overwrite: bool) -> Change:
    """Bring back the state of a path that was deleted last."""

    def change(world: World) -> World:
        entries = [entry for entry in world.trash if entry[0] == path]
        if not entries:
            raise Refused(ABSENT)
        if world.now(path) is not None and not overwrite:
            raise Refused(TAKEN)
        newest = max(entries)
        left = {entry: digest for entry, digest in world.trash.items() if entry != newest}
        return World(world.having({path: world.trash[newest]}).files, left)

    return change


def empty_trash(path: str) -> Change:
    def change(world: World) -> World:
        left = {entry: digest for entry, digest in world.trash.items() if entry[0] != path}
        return World(world.files, left)

    return change


class Model:
    """Every world that is possible by all that was answered."""

    def __init__(self) -> None:
        self.worlds: list[World] = [World()]

    def answered(self, change: Change, outcome: str) -> None:
        """Note that a change was made, or why it was refused."""
        left = [made for world in self.worlds if (made := _made(change, world, outcome))]
        assert left, f"{outcome!r} cannot be, by {self.worlds[0]}"
        self._keep(left)

    def in_doubt(self, change: Change) -> None:
        """Note that a change was made, or was not."""
        made = [one for world in self.worlds if (one := _made(change, world, OK))]
        self._keep([*self.worlds, *made])

    def assert_possible(self, what: str, seen: object, look: Callable[[World], object]) -> None:
        """Raise unless some world looks as it was seen; others may still come true."""
        expected = [look(world) for world in self.worlds]
        assert seen in expected, f"{what}: {seen!r}\nis none of {expected[:3]!r}"

    def settle(self, what: str, seen: object, look: Callable[[World], object]) -> None:
        """Forget the worlds that look different, now that nothing is under way any more."""
        self.assert_possible(what, seen, look)
        self.worlds = [world for world in self.worlds if look(world) == seen]

    def _keep(self, worlds: list[World]) -> None:
        self.worlds = []
        for world in worlds:
            if world not in self.worlds:
                self.worlds.append(world)


def _made(change: Change, world: World, outcome: str) -> World | None:
    """Return what becomes of ``world`` if ``change`` has this outcome in it; None: another."""
    try:
        made = change(world)
    except Refused as refused:
        return world if str(refused) == outcome else None
    return made if outcome == OK else None
