"""What a set of changes comes to: one write for each path that really changes.

Sources are read as they were before the first change, so the order of changes means nothing;
a path that is changed twice would make it mean something, and is refused.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain

from msgspec import Struct, field
from msgspec.structs import replace

from libs.contracts.labels import check_content_type, check_metadata, check_tags
from libs.contracts.paths import check_path
from libs.contracts.storage import (
    ApplyChanges,
    BlobPlace,
    CopyPath,
    MovePath,
    PathChange,
    PutContent,
    RemovePath,
)
from libs.contracts.values import Operation
from services.storage.domain.errors import (
    ContentNotFound,
    FileNotFound,
    NoChanges,
    PathChangedTwice,
    PreconditionFailed,
    TooManyFiles,
)
from services.storage.domain.files import Content, File
from services.storage.domain.prefixes import (
    check_apart,
    check_prefix_change,
    path_changes,
    prefix_changes,
)

_OPERATIONS: dict[type[PathChange], Operation] = {
    PutContent: "put",
    RemovePath: "delete",
    CopyPath: "copy",
    MovePath: "move",
}


class Write(Struct, frozen=True, kw_only=True):
    """The next state of one path; without content it is removed."""

    path: str
    content: Content | None
    operation: Operation


class Part(Struct, frozen=True):
    """What one part of a change set asks for."""

    changes: Sequence[PathChange]
    expect: Mapping[str, str | None]
    expect_states: Mapping[str, str] = field(default_factory=dict)


def with_parts(request: ApplyChanges, parts: Sequence[Part]) -> ApplyChanges:
    """Return the request as one with all that was collected for it."""
    return replace(
        request,
        changes=[*request.changes, *chain.from_iterable(part.changes for part in parts)],
        expect=dict(chain(request.expect.items(), *(part.expect.items() for part in parts))),
        expect_states=dict(
            chain(request.expect_states.items(), *(part.expect_states.items() for part in parts))
        ),
    )


def check_size(request: ApplyChanges, most: int) -> None:
    """Refuse more paths than one transaction is to change."""
    if max(len(request.changes), len(request.expect) + len(request.expect_states)) > most:
        raise TooManyFiles(f"these are more than {most} changes", most=most)


def check_changes(request: ApplyChanges) -> None:
    """Raise what can be said against the request without looking at any file."""
    if not request.changes:
        raise NoChanges("at least one change is needed")
    for path in chain(request.expect, request.expect_states):
        check_path(path, "expect")
    prefixes = prefix_changes(request)
    for prefix in prefixes:
        check_prefix_change(prefix)
    changed: set[str] = set()
    for change in path_changes(request):
        _check_change(change)
        for path in _changed_by(change):
            if path in changed:
                raise PathChangedTwice(f"{path!r} is changed twice", path=path)
            changed.add(path)
    check_apart(prefixes, changed)


def paths_of(request: ApplyChanges) -> list[str]:
    """Return every path by itself whose state decides about the request, in order."""
    paths = {*request.expect, *request.expect_states}
    for change in path_changes(request):
        paths.update(_changed_by(change))
        if isinstance(change, CopyPath):
            paths.add(change.source)
    return sorted(paths)


def digests_of(request: ApplyChanges) -> list[str]:
    """Return the digests of the bytes that the request puts."""
    puts = (change for change in request.changes if isinstance(change, PutContent))
    return sorted({put.sha256 for put in puts})


def plan(
    request: ApplyChanges, files: Mapping[str, File], blobs: Mapping[str, BlobPlace]
) -> list[Write]:
    """Decide what single paths come to, in their order; what changes nothing is left out.

    ``files`` has the present state of each path of ``paths_of`` that ever was, ``blobs`` those
    bytes of ``digests_of`` that the bucket holds. Raises ``PreconditionFailed``, ``FileNotFound``
    and ``ContentNotFound``, each naming the path.
    """
    contents = {path: file.content for path, file in files.items() if file.content}
    _check_expected(request, contents)
    writes = [
        write
        for change in path_changes(request)
        for write in _writes(change, contents, blobs, request)
        if write.content != contents.get(write.path)
    ]
    return sorted(writes, key=lambda write: write.path)


def _check_change(change: PathChange) -> None:
    check_path(change.path)
    if isinstance(change, (CopyPath, MovePath)):
        check_path(change.source, "source")
    elif isinstance(change, PutContent):
        check_content_type(change.content_type)
        check_metadata(change.metadata)
        check_tags(change.tags)


def _changed_by(change: PathChange) -> Sequence[str]:
    return (change.source, change.path) if isinstance(change, MovePath) else (change.path,)


def _check_expected(request: ApplyChanges, contents: Mapping[str, Content]) -> None:
    for path, expected in request.expect.items():
        content = contents.get(path)
        if (content.sha256 if content else None) != expected:
            raise PreconditionFailed(f"{path!r} is not as expected", path=path)
    for path, digest in request.expect_states.items():
        content = contents.get(path)
        if content is None or content.state_digest != digest:
            raise PreconditionFailed(f"{path!r} is not as expected", path=path)


def _writes(
    change: PathChange,
    contents: Mapping[str, Content],
    blobs: Mapping[str, BlobPlace],
    request: ApplyChanges,
) -> Iterator[Write]:
    operation = request.operation or _OPERATIONS[type(change)]
    if isinstance(change, PutContent):
        yield Write(path=change.path, content=_content(change, blobs), operation=operation)
        return
    if isinstance(change, RemovePath):
        if change.path not in contents and not request.lenient:
            raise FileNotFound(f"{change.path!r} does not exist", path=change.path)
        yield Write(path=change.path, content=None, operation=operation)
        return
    if change.source not in contents:
        raise FileNotFound(f"{change.source!r} does not exist", path=change.source)
    yield Write(path=change.path, content=contents[change.source], operation=operation)
    if isinstance(change, MovePath):
        yield Write(path=change.source, content=None, operation=operation)


def _content(change: PutContent, blobs: Mapping[str, BlobPlace]) -> Content:
    blob = blobs.get(change.sha256)
    if blob is None:
        raise ContentNotFound(
            f"the bucket never held the bytes for {change.path!r}",
            path=change.path,
            sha256=change.sha256,
        )
    return Content(
        blob_id=blob.blob_id,
        sha256=blob.sha256,
        size=blob.size,
        content_type=change.content_type,
        metadata=change.metadata,
        tags=change.tags,
    )
