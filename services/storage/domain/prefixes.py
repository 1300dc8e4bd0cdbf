"""Changes of everything below a prefix: what may be asked, and which path goes where.

A prefix here is a folder: empty, or whole segments with a slash at the end. So whatever lies below
one has a proper path below another.
"""

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from libs.contracts.paths import MOST_BYTES, InvalidPath, check_path
from libs.contracts.storage import (
    MOST_PATHS,
    ApplyChanges,
    CopyPrefix,
    MovePrefix,
    PathChange,
    PrefixChange,
    RemovePrefix,
)
from libs.contracts.values import Operation
from services.storage.domain.errors import (
    FileExists,
    InvalidPrefix,
    PathChangedTwice,
    PrefixNotFound,
    TooManyFiles,
)

MOST_PREFIXES = 100

_OPERATIONS: dict[type[PrefixChange], Operation] = {
    RemovePrefix: "delete",
    CopyPrefix: "copy",
    MovePrefix: "move",
}


class Placing(Struct, frozen=True):
    """What a copy or a move of a prefix comes to."""

    free: Mapping[str, str]
    """Sources by the path that each gets; no file has those paths now."""
    taken: Mapping[str, str]
    """The same where a file is replaced."""
    ended: Sequence[str]
    """Those of ``free`` that had a file once: their revisions go on."""


def prefix_changes(request: ApplyChanges) -> list[PrefixChange]:
    """Return the changes of prefixes among those of ``request``."""
    return [change for change in request.changes if isinstance(change, PrefixChange)]


def path_changes(request: ApplyChanges) -> list[PathChange]:
    """Return the changes of single paths among those of ``request``."""
    return [change for change in request.changes if isinstance(change, PathChange)]


def operation_of(change: PrefixChange, request: ApplyChanges) -> Operation:
    """Return what the events say."""
    return request.operation or _OPERATIONS[type(change)]


def source_of(change: PrefixChange) -> str:
    """Return the prefix of the files that ``change`` is about."""
    return change.prefix if isinstance(change, RemovePrefix) else change.source_prefix


def check_prefix_change(change: PrefixChange) -> None:
    """Raise what can be said against ``change`` without looking at any file."""
    check_folder(change.prefix, "prefix")
    if isinstance(change, RemovePrefix):
        return
    check_folder(change.source_prefix, "source_prefix")
    if change.prefix == change.source_prefix:
        raise InvalidPrefix("source and destination are the same", field="prefix")
    if isinstance(change, MovePrefix) and change.prefix.startswith(change.source_prefix):
        raise InvalidPrefix("the destination is inside the source", field="prefix")


def check_folder(prefix: str, field: str) -> None:
    """Raise ``InvalidPrefix`` or ``InvalidPath`` unless files can lie below ``prefix``."""
    if prefix:
        if not prefix.endswith("/"):
            raise InvalidPrefix("a prefix is empty or ends with a slash", field=field)
        check_path(prefix[:-1], field)


def check_apart(changes: Sequence[PrefixChange], paths: Iterable[str]) -> None:
    """Raise ``PathChangedTwice`` when what one change reads or changes another may change.

    ``paths`` are those that changes of single paths change.
    """
    if len(changes) > MOST_PREFIXES:
        raise TooManyFiles(f"one request takes up to {MOST_PREFIXES} prefixes", limit=MOST_PREFIXES)
    changed = [(index, folder) for index, one in enumerate(changes) for folder in _changed_by(one)]
    touched = [(index, folder) for index, one in enumerate(changes) for folder in _touched_by(one)]
    for index, folder in touched:
        for other, inside in changed:
            if index != other and (inside.startswith(folder) or folder.startswith(inside)):
                raise PathChangedTwice(f"{inside!r} is changed twice", prefix=inside)
    folders = tuple({folder for _, folder in touched})
    for path in paths:
        if path.startswith(folders):
            raise PathChangedTwice(f"{path!r} is changed twice", path=path)


def check_found(change: PrefixChange, found: int, left: int, *, lenient: bool) -> None:
    """Raise ``PrefixNotFound`` when nothing lies below the source, ``TooManyFiles`` for too much.

    ``left`` is how many more the request may mean, negative when it means more already.
    """
    source = source_of(change)
    if left < 0:
        raise TooManyFiles(
            f"one request changes up to {MOST_PATHS} files", prefix=source, limit=MOST_PATHS
        )
    if found == 0 and not (lenient and isinstance(change, RemovePrefix)):
        raise PrefixNotFound(f"nothing lies below {source!r}", prefix=source)


def placed(change: CopyPrefix | MovePrefix, sources: Sequence[str]) -> dict[str, str]:
    """Return each of ``sources`` by the path that it gets; raise ``InvalidPath`` for a long one."""
    skipped = len(change.source_prefix)
    found = {change.prefix + source[skipped:]: source for source in sources}
    # A character takes up to four bytes: most paths need not be encoded to be known as short.
    for path, source in found.items():
        if len(path) * 4 > MOST_BYTES and len(path.encode()) > MOST_BYTES:
            raise InvalidPath(
                f"{source!r} would get a path longer than {MOST_BYTES} bytes",
                field="prefix",
                path=source,
            )
    return found


def placing(
    change: CopyPrefix | MovePrefix, wanted: Mapping[str, str], standing: Mapping[str, bool]
) -> Placing:
    """Decide how sources get to ``wanted``, where ``standing`` tells which paths have rows.

    Of those that have, it tells whether there is a file. Raises ``FileExists`` and
    ``PathChangedTwice``, each naming the path.
    """
    taken = {path: wanted[path] for path, is_file in standing.items() if is_file}
    if taken and not change.overwrite:
        path = min(taken)
        raise FileExists(f"{path!r} exists", path=path, files=len(taken))
    if taken:
        for path in taken.keys() & set(wanted.values()):
            raise PathChangedTwice(f"{path!r} would be a source and be replaced", path=path)
    return Placing(
        free={path: source for path, source in wanted.items() if path not in taken},
        taken=taken,
        ended=[path for path, is_file in standing.items() if not is_file],
    )


def _changed_by(change: PrefixChange) -> Sequence[str]:
    return _touched_by(change) if isinstance(change, MovePrefix) else (change.prefix,)


def _touched_by(change: PrefixChange) -> Sequence[str]:
    if isinstance(change, RemovePrefix):
        return (change.prefix,)
    return (change.source_prefix, change.prefix)
