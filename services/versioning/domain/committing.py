"""What the changes of a commit come to: the next state of each path. No I/O here.

Sources are read as they were before the first change, so the order of changes means nothing;
a path that is changed twice would make it mean something, and is refused.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from libs.contracts.storage import CopyPath, MovePath, PathChange, PutContent, RemovePath
from services.versioning.domain.errors import FileNotFound, PathChangedTwice, PreconditionFailed
from services.versioning.domain.files import check_files
from services.versioning.domain.tree import Entry


def digests_of(changes: Iterable[PathChange]) -> list[str]:
    """Return the digests of the bytes that are put."""
    return sorted({change.sha256 for change in changes if isinstance(change, PutContent)})


def paths_read(changes: Iterable[PathChange], expect: Collection[str]) -> list[str]:
    """Return every path whose present state decides about the commit."""
    paths = set(expect)
    for change in changes:
        paths.add(change.path)
        if isinstance(change, CopyPath | MovePath):
            paths.add(change.source)
    return sorted(paths)


def check_expected(expect: Mapping[str, str | None], now: Mapping[str, Entry]) -> None:
    """Raise ``PreconditionFailed`` unless each path has the digest that is expected of it."""
    for path, expected in expect.items():
        entry = now.get(path)
        sha256 = entry.sha256.hex() if entry else None
        if sha256 != expected:
            raise PreconditionFailed(f"{path!r} is not as expected", path=path, sha256=sha256)


def wanted_states(
    changes: Sequence[PathChange],
    now: Mapping[str, Entry],
    sizes: Mapping[str, int],
    *,
    lenient: bool,
) -> dict[str, Entry | None]:
    """Return what each path is to become; ``sizes`` are those of the bytes that are put.

    Raises ``FileNotFound`` for sources that are not there, and unless ``lenient`` for what is to
    be removed and is not, ``PathChangedTwice``, and what ``check_files`` does.
    """
    states: dict[str, Entry | None] = {}
    for change in changes:
        for path, entry in _states(change, now, sizes, lenient=lenient):
            if path in states:
                raise PathChangedTwice(f"{path!r} is changed twice", path=path)
            states[path] = entry
    check_files(states)
    return states


def _states(
    change: PathChange, now: Mapping[str, Entry], sizes: Mapping[str, int], *, lenient: bool
) -> Iterator[tuple[str, Entry | None]]:
    if isinstance(change, PutContent):
        yield change.path, _entry(change, sizes[change.sha256])
    elif isinstance(change, RemovePath):
        if not lenient:
            _present(change.path, now)
        yield change.path, None
    else:
        yield change.path, _present(change.source, now)
        if isinstance(change, MovePath):
            yield change.source, None


def _present(path: str, now: Mapping[str, Entry]) -> Entry:
    if path not in now:
        raise FileNotFound(f"{path!r} does not exist", path=path)
    return now[path]


def _entry(put: PutContent, size: int) -> Entry:
    return Entry(
        sha256=bytes.fromhex(put.sha256),
        size=size,
        content_type=put.content_type,
        metadata=put.metadata,
        tags=put.tags,
    )
