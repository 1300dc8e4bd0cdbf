"""What bytes are, when nobody said: by their first bytes, then by their name.

Neither is believed alone where a wrong belief is dangerous: a type that a browser would run is only
given when name and bytes agree, and bytes that are no text never get a text's type. (The WHATWG's
sniffing standard has the same rule: a guess may never make content more privileged.)
"""

import mimetypes

import puremagic

from libs.media import could_run

HEAD_BYTES = 64 * 1024
"""How much of a body is looked at, at most."""

UNKNOWN = "application/octet-stream"
TEXT = "text/plain"

_ZIP = "application/zip"
_LEAST_MAGIC_BYTES = 3
"""One or two bytes come about by chance."""

_BUILT_IN = mimetypes.MimeTypes()  # not what this machine happens to have in /etc
_TEXTUAL = frozenset(
    {
        "application/json",
        "application/javascript",
        "application/manifest+json",
        "application/x-sh",
        "application/x-csh",
        "application/x-latex",
        "application/x-tex",
        "application/xml",
        "application/postscript",
        "application/rtf",
    }
)
_NEVER_IN_TEXT = bytes(set(range(0x20)) - set(b"\t\n\f\r\x1b"))


def content_type_of(path: str, head: bytes) -> str:
    """Return the content type of a file that begins with ``head`` and is named ``path``."""
    by_name = _by_name(path)
    if not head:
        return UNKNOWN if by_name is None or could_run(by_name) else by_name
    if _is_text(head[:HEAD_BYTES]):
        return _of_text(by_name, head)
    return _of_binary(path, by_name, head[:HEAD_BYTES])


def _of_text(by_name: str | None, head: bytes) -> str:
    if by_name is None or not _is_textual(by_name):
        return TEXT
    if could_run(by_name) and by_name.endswith(("html", "xml")):
        return by_name if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<") else TEXT
    return by_name


def _of_binary(path: str, by_name: str | None, head: bytes) -> str:
    found = _by_magic(head)
    for kind, extension in found:
        if kind == by_name or path.lower().endswith(extension):
            return kind  # e.g. one of the many that are zip archives inside
    if found:
        return _ZIP if head.startswith(b"PK\x03\x04") else found[0][0]
    if by_name is None or _is_textual(by_name) or could_run(by_name):
        return UNKNOWN
    return by_name


def _by_magic(head: bytes) -> list[tuple[str, str]]:
    """Return types and extensions that the longest signatures mean; nothing that only text is."""
    try:
        matches = puremagic.magic_string(head)
    except puremagic.PureError:
        return []
    known = [
        match
        for match in matches
        if match.mime_type
        and match.extension
        and len(match.byte_match) >= _LEAST_MAGIC_BYTES
        and not _is_textual(match.mime_type)
    ]
    longest = max((len(match.byte_match) for match in known), default=0)
    return [(one.mime_type, one.extension) for one in known if len(one.byte_match) == longest]


def _by_name(path: str) -> str | None:
    kind, encoding = _BUILT_IN.guess_type(f"x/{path}")
    return kind if encoding is None else {"gzip": "application/gzip"}.get(encoding, UNKNOWN)


def _is_textual(kind: str) -> bool:
    return kind in _TEXTUAL or kind.startswith("text/") or kind.endswith(("+xml", "+json"))


def _is_text(head: bytes) -> bool:
    """Tell whether ``head`` is UTF-8 without control characters; its last letter may be cut."""
    if head.translate(None, _NEVER_IN_TEXT) != head:
        return False
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        return len(head) - error.start < 4 and error.reason == "unexpected end of data"
    return True
