"""Which paths files may have.

A path is compared byte by byte in UTF-8 and never changed: names that only look alike (composed
and decomposed accents, say) are different files, as on most file systems. A path never reaches
the object store or a disk of ours; what is refused here is what would hurt those who download:
climbing out of a folder, splitting a header or a log line, or showing another name than it has.
"""

import re

from libs.contracts.problems import Problem

MOST_BYTES = 1024

_REFUSED = {
    "a control character": re.compile(r"[\x00-\x1f\x7f-\x9f]"),
    "a line or paragraph separator": re.compile(r"[\u2028\u2029]"),
    "a character that turns the direction of text": re.compile(r"[\u202a-\u202e\u2066-\u2069]"),
    "a backslash": re.compile(r"\\"),
    "half of a surrogate pair": re.compile(r"[\ud800-\udfff]"),
    # Unicode §23.7: never for interchange. U+10FFFF is also what sorts behind every path.
    "a noncharacter": re.compile(
        "[\ufdd0-\ufdef"
        + "".join(chr(plane << 16 | end) for plane in range(17) for end in (0xFFFE, 0xFFFF))
        + "]"
    ),
}
_NOT_TEXT = re.compile(r"[\x00\ud800-\udfff]")


class InvalidPath(Problem):
    """A file cannot have this path."""

    code, status = "invalid-path", 400


def check_path(path: str, field: str = "path") -> None:
    """Raise ``InvalidPath``, naming ``field``, unless a file may have this path."""
    # Most paths are plain ASCII, and none of these characters is.
    if "\\" in path or not (path.isascii() and path.isprintable()):
        _check_characters(path, field)
    if len(path.encode()) > MOST_BYTES:
        raise InvalidPath(f"the path is longer than {MOST_BYTES} bytes", field=field)
    for segment in path.split("/"):
        if not segment:
            raise InvalidPath("the path has an empty segment", field=field)
        if segment in (".", ".."):
            raise InvalidPath(f"the path has the segment {segment!r}", field=field)


def _check_characters(path: str, field: str) -> None:
    for what, pattern in _REFUSED.items():
        if pattern.search(path):
            raise InvalidPath(f"the path contains {what}", field=field)


def check_search_text(text: str, field: str) -> None:
    """Raise ``InvalidPath`` when ``text`` (a prefix, say) is no text that can be looked for."""
    if _NOT_TEXT.search(text):
        raise InvalidPath(f"{field} contains NUL or half of a surrogate pair", field=field)
