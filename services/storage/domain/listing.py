"""How a listing goes through the paths of a bucket without touching those it rolls up."""

from libs.contracts.pages import fitting
from libs.contracts.storage import FileInfo, FileList

BEHIND_ALL = "\U0010ffff"
"""Sorts behind every path, and after a prefix behind all paths with it: no path may contain it."""


def end_of(prefix: str) -> str:
    """Return what sorts behind all paths that begin with ``prefix``, and before all others."""
    return prefix + BEHIND_ALL


def start_behind(prefix: str, delimiter: str, start_after: str) -> str:
    """Return what the first path of the next page has to sort behind.

    ``start_after`` may be a path, or something rolled up: then all of that was listed already.
    """
    if start_after.startswith(prefix) and rolled_up(start_after, prefix, delimiter) == start_after:
        return end_of(start_after)
    return start_after


def rolled_up(path: str, prefix: str, delimiter: str) -> str | None:
    """Return what ``path`` is listed as when it has ``delimiter`` behind ``prefix``."""
    if not delimiter:
        return None
    at = path.find(delimiter, len(prefix))
    return None if at < 0 else path[: at + len(delimiter)]


def page(found: list[FileInfo | str], limit: int) -> FileList:
    """Return the first ``limit`` of ``found``, files and prefixes in order, as one page.

    It is shorter where a message is full.
    """
    shown = fitting(found[:limit])
    last = shown[-1] if len(found) > len(shown) else None
    return FileList(
        items=[entry for entry in shown if isinstance(entry, FileInfo)],
        prefixes=[entry for entry in shown if isinstance(entry, str)],
        next=last.path if isinstance(last, FileInfo) else last,
    )
