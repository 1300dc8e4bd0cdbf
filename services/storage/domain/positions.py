"""Where a list of states goes on: behind a path and a revision of it."""

from libs.contracts.paths import check_search_text
from services.storage.domain.errors import InvalidSelection

BEFORE_ALL = ("", 0)


def position_of(path: str, revision: int) -> str:
    """Return the position behind one state."""
    return f"{revision}:{path}"


def parse_position(text: str) -> tuple[str, int]:
    """Return path and revision of a position; raises ``InvalidSelection``."""
    if not text:
        return BEFORE_ALL
    revision, colon, path = text.partition(":")
    if not colon or not revision.isascii() or not revision.isdigit() or len(revision) > 18:
        raise InvalidSelection("this is no position of a list", field="start_after")
    check_search_text(path, "start_after")
    return path, int(revision)
