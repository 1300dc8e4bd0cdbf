"""Objects that are written into a git repository, and trees that change a little at a time."""

from collections.abc import Iterable, Mapping

from dulwich.objects import ObjectID, ShaFile, Tree
from dulwich.repo import BaseRepo
from msgspec import Struct, field

from libs.client.failures import ClientFailure

PACK_OBJECTS = 10_000
PACK_BYTES = 32 << 20
DIRECTORY = 0o040000

Entry = tuple[int, ObjectID]
"""A mode, and a blob or tree."""


class Objects:
    """Collects new objects and writes them as packs, many at a time."""

    def __init__(self, repo: BaseRepo) -> None:
        self._store = repo.object_store
        self._new: dict[ObjectID, ShaFile] = {}
        self._bytes = 0

    def add(self, thing: ShaFile) -> ObjectID:
        """Have an object written with the next pack; return its id."""
        if thing.id not in self._new and thing.id not in self._store:
            self._new[thing.id] = thing
            self._bytes += thing.raw_length()
            if len(self._new) >= PACK_OBJECTS or self._bytes >= PACK_BYTES:
                self.flush()
        return thing.id

    def tree(self, tree_id: ObjectID) -> Tree:
        """Return a tree, one that can be changed."""
        found = self._new.get(tree_id) or self._store[tree_id]
        if not isinstance(found, Tree):
            raise ClientFailure(f"git object {tree_id.decode()} is no tree")
        return Tree.from_string(found.as_raw_string())

    def flush(self) -> None:
        """Write what was collected."""
        if self._new:
            self._store.add_objects([(thing, None) for thing in self._new.values()])
        self._new, self._bytes = {}, 0


class _Directory(Struct):
    """What changes in one directory: its own entries, and directories in it."""

    entries: dict[bytes, Entry | None] = field(default_factory=dict)
    below: dict[bytes, "_Directory"] = field(default_factory=dict)


def changed_tree(
    objects: Objects, tree_id: ObjectID | None, changes: Mapping[str, Entry | None]
) -> ObjectID:
    """Return a tree with files put or, for None, removed; directories without any are removed.

    Raises ``ClientFailure`` for a path that is to be both a file and a directory.
    """
    root = _Directory()
    for path, entry in changes.items():
        *directories, name = path.encode().split(b"/")
        place = root
        for directory in directories:
            place = place.below.setdefault(directory, _Directory())
        place.entries[name] = entry
    tree = Tree() if tree_id is None else objects.tree(tree_id)
    return objects.add(_apply(objects, tree, root, b""))


def _apply(objects: Objects, tree: Tree, changed: _Directory, at: bytes) -> Tree:
    for name, entry in changed.entries.items():
        if entry is None and name in tree and tree[name][0] != DIRECTORY:
            del tree[name]
    for name, directory in changed.below.items():
        _apply_below(objects, tree, name, directory, at)
    for name, entry in changed.entries.items():
        if entry is not None:
            if name in tree and tree[name][0] == DIRECTORY:
                raise _both(at + name)
            tree[name] = entry
    return tree


def _apply_below(
    objects: Objects, tree: Tree, name: bytes, directory: _Directory, at: bytes
) -> None:
    before = _entry(tree, name)
    if before is not None and before[0] != DIRECTORY:
        if any(_puts(directory)):
            raise _both(at + name)
        return
    below = Tree() if before is None else objects.tree(ObjectID(before[1]))
    after = _apply(objects, below, directory, at + name + b"/")
    if len(after):
        tree[name] = (DIRECTORY, objects.add(after))
    elif before is not None:
        del tree[name]


def _entry(tree: Tree, name: bytes) -> tuple[int, ObjectID] | None:
    try:
        return tree[name]
    except KeyError:
        return None


def _puts(directory: _Directory) -> Iterable[bool]:
    yield from (entry is not None for entry in directory.entries.values())
    for below in directory.below.values():
        yield from _puts(below)


def _both(path: bytes) -> ClientFailure:
    return ClientFailure(
        f"{path.decode()} is a file and a folder at once in the bucket; git cannot have both"
    )
