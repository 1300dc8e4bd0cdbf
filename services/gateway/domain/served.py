"""How foreign bytes are served: a browser must never run them in our name.

Sources: RFC 6266 and RFC 8187 for file names, the fetch standard for ``nosniff``.
"""

import re
from urllib.parse import quote

from libs.media import could_run

_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+-]{1,127}/[A-Za-z0-9!#$&^_.+-]{1,127}")
_TYPE_WITH_PARAMETERS = re.compile(r"[\x20-\x7e]{3,255}")
_PLAIN_NAME = re.compile(r"[A-Za-z0-9!#$&+.^_`|~ ()\[\]{},;:@=-]+")

PROTECTION = (
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"sandbox; default-src 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
"""Sent with every file, whatever it claims to be."""


def is_content_type(text: str) -> bool:
    """Tell whether ``text`` may be stored and served as a content type."""
    return bool(
        _TYPE_WITH_PARAMETERS.fullmatch(text) and _TYPE.fullmatch(text.partition(";")[0].strip())
    )


def disposition(path: str, content_type: str, *, download: bool) -> str:
    """Return ``Content-Disposition``: what could run in a browser is always an attachment."""
    kind = "attachment" if download or could_run(content_type) else "inline"
    name = path.rpartition("/")[2]
    plain = name if _PLAIN_NAME.fullmatch(name) else _ascii(name)
    value = f'{kind}; filename="{plain}"'
    return value if plain == name else f"{value}; filename*=UTF-8''{quote(name, safe='')}"


def url_path(path: str) -> str:
    """Return a file's path as it stands in a URL."""
    return quote(path, safe="/")


def _ascii(name: str) -> str:
    """Return ``name`` for clients that know no RFC 8187: what is not plain becomes ``_``."""
    return "".join(letter if _PLAIN_NAME.fullmatch(letter) else "_" for letter in name)
