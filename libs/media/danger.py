"""Which content could act on whoever opens it, and which pretends to be harmless.

Sources: the WHATWG's MIME sniffing standard §7.1 for markup, the formats' own for executables.
"""

import re
from typing import Literal

Nature = Literal["executable", "script", "markup"]

HEAD_BYTES = 4096
"""How much of the beginning is looked at, at most."""

_ACTIVE = re.compile(
    r"(?:.*[/+](?:html|xhtml|xml|svg|(?:x-)?(?:java|ecma)script|x-shockwave-flash|pdf))"
    r"|text/(?:css|vtt|jscript|livescript|x-.*script)"
)

_INERT = ("image/", "audio/", "video/", "font/")
"""Nobody expects these to do anything."""

_DOCUMENTS = re.compile(r"text/.*|application/(?:pdf|json|xml|rtf|csv|.*\+json|.*\+xml)")
"""These may hold markup or a script as text, but no machine code."""

_EXECUTABLES = (
    b"\x7fELF",
    b"\x00asm",
    b"\xca\xfe\xba\xbe",
    b"\xfe\xed\xfa\xce",
    b"\xfe\xed\xfa\xcf",
    b"\xce\xfa\xed\xfe",
    b"\xcf\xfa\xed\xfe",
)
_PE_AT = slice(0x3C, 0x40)
_MARKUP = re.compile(
    rb"<(?:!DOCTYPE\s+HTML|HTML|HEAD|BODY|SCRIPT|IFRAME|STYLE|TITLE|META|(?:svg:)?SVG)[\s>/]",
    re.IGNORECASE,
)
_BEFORE_MARKUP = ((b"<!--", b"-->"), (b"<?xml", b">"), (b"<!doctype svg", b">"))
"""What may stand before the first tag: how it begins and ends."""

_WIDE = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}


def could_run(content_type: str) -> bool:
    """Tell whether a browser could run or render foreign code in content of this type."""
    return bool(_ACTIVE.fullmatch(_bare(content_type)))


def contradiction(content_type: str, head: bytes) -> str | None:
    """Return why bytes that begin with ``head`` must not be called ``content_type``, or None.

    Only what is dangerous: a page, a drawing with scripts, a script or machine code that claims to
    be a picture, a sound, a film or a font; machine code that claims to be a document.
    """
    claimed = _bare(content_type)
    nature = nature_of(head)
    if nature is None:
        return None
    if claimed.startswith(_INERT) and not (nature == "markup" and could_run(claimed)):
        return f"the bytes are {_told(nature)}, not {claimed}"
    if nature == "executable" and _DOCUMENTS.fullmatch(claimed):
        return f"the bytes are {_told(nature)}, not {claimed}"
    return None


def nature_of(head: bytes) -> Nature | None:
    """Return what bytes that begin with ``head`` would do where they are opened, if anything."""
    head = head[:HEAD_BYTES]
    if head.startswith(_EXECUTABLES) or _is_pe(head):
        return "executable"
    text = _as_text(head)
    if re.match(rb"#!\s*/", text):
        return "script"
    return "markup" if _MARKUP.match(text, _first_tag(text)) else None


def _first_tag(text: bytes) -> int:
    """Return where the first tag is, behind space, comments and declarations.

    By hand, in one pass: an expression that tries what to skip in every way takes for ever.
    """
    lower = text.lower()
    at = 0
    while True:
        at += len(lower) - at - len(lower[at:].lstrip())
        skipped = next((pair for pair in _BEFORE_MARKUP if lower.startswith(pair[0], at)), None)
        if skipped is None:
            return at
        begin, end = skipped
        ends_at = lower.find(end, at + len(begin))
        if ends_at < 0:
            return at
        at = ends_at + len(end)


def _is_pe(head: bytes) -> bool:
    """Tell whether this is a program of Windows; ``MZ`` alone may be two letters of a text."""
    if not head.startswith(b"MZ") or len(head) < _PE_AT.stop or 0 not in head[: _PE_AT.stop]:
        return False
    at = int.from_bytes(head[_PE_AT], "little")
    return at + 4 > len(head) or head[at : at + 4] == b"PE\x00\x00"


def _as_text(head: bytes) -> bytes:
    """Return ``head`` in ASCII letters where it is some Unicode, without its byte order mark."""
    wide = _WIDE.get(head[:2])
    if wide is not None:
        return head[2:].decode(wide, "ignore").encode("utf-8", "ignore")
    return head.removeprefix(b"\xef\xbb\xbf")


def _bare(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def _told(nature: Nature) -> str:
    return {"executable": "a program", "script": "a script", "markup": "markup that can run"}[
        nature
    ]
