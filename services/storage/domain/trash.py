"""What is brought back from the trash, and where to."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from libs.contracts.paths import check_path
from services.storage.domain.changes import Write
from services.storage.domain.errors import FileExists, InvalidSelection, NotInTrash
from services.storage.domain.files import Content, File


class Trashed(Struct, frozen=True, kw_only=True):
    """A state in the trash."""

    path: str
    revision: int
    content: Content


def check_selection(one: object | None, prefix: str | None, name: str) -> None:
    """Raise ``InvalidSelection`` unless exactly one of the two chooses."""
    if (one is None) == (prefix is None):
        raise InvalidSelection(f"give either {name} or prefix", field=name)


def check_found(paths: Sequence[str] | None, found: Sequence[Trashed]) -> None:
    """Raise ``NotInTrash`` when one of ``paths``, or everything, is missing."""
    there = {entry.path for entry in found}
    for path in paths or ():
        if path not in there:
            raise NotInTrash(f"{path!r} is not in the trash", path=path)
    if not found:
        raise NotInTrash("nothing in the trash is below this prefix")


def placed(entries: Sequence[Trashed], into: str) -> dict[str, Content]:
    """Return what each path becomes, in order; raises ``InvalidPath``."""
    wanted = {into + entry.path: entry.content for entry in entries}
    for path in wanted:
        check_path(path, "into" if into else "path")
    return dict(sorted(wanted.items()))


def plan(
    wanted: Mapping[str, Content], present: Mapping[str, File], *, overwrite: bool
) -> list[Write]:
    """Return the writes that make ``wanted`` so; raises ``FileExists`` unless that is wanted."""
    for path in wanted:
        file = present.get(path)
        if file is not None and file.content is not None and not overwrite:
            raise FileExists(f"{path!r} is there already", path=path)
    return [
        Write(path=path, content=content, operation="restore") for path, content in wanted.items()
    ]
