"""Metadata and tags of a file in headers.

``Strongroom-Meta-<Key>: <value>``, percent-encoded where it is not ASCII, and
``Strongroom-Tags: a=b&c=d``.
"""

import re
from collections.abc import Iterable, Sequence
from urllib.parse import parse_qsl, quote, unquote_to_bytes, urlencode

from libs.contracts.values import Labels
from services.gateway.domain.failures import InvalidInput, MalformedHeader

META = "strongroom-meta-"
TAGS = "strongroom-tags"
MOST_TAGS = 50

_TOKEN = re.compile(r"[a-z0-9!#$&'*+.^_`|~-]+")


def read_metadata(headers: Iterable[tuple[str, str]]) -> Labels:
    """Return the metadata among ``headers``; names are lower-case, values percent-encoded UTF-8."""
    found: Labels = {}
    for name, value in headers:
        if not name.startswith(META):
            continue
        key = name.removeprefix(META)
        if not key or key in found:
            raise MalformedHeader("a name is needed, and each once", header=name)
        found[key] = _decoded(value, name)
    return found


def read_tags(header: str | None) -> Labels:
    """Return the tags of the header, written like a form."""
    if not header:
        return {}
    try:
        pairs = parse_qsl(
            header,
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=MOST_TAGS,
        )
    except ValueError:
        raise MalformedHeader("tags are written a=b&c=d", header="Strongroom-Tags") from None
    tags = dict(pairs)
    if len(tags) != len(pairs):
        raise MalformedHeader("a tag is given twice", header="Strongroom-Tags")
    return tags


def wanted_tags(given: Sequence[str]) -> Labels:
    """Return the tags that a list is asked for, each written ``key=value``."""
    tags: Labels = {}
    for text in given:
        key, equals, value = text.partition("=")
        if not key or not equals:
            raise InvalidInput("a tag is written key=value", parameter="tag")
        if tags.setdefault(key, value) != value:
            raise InvalidInput(f"no file has two values for {key!r}", parameter="tag")
    return tags


def write(metadata: Labels, tags: Labels) -> list[tuple[bytes, bytes]]:
    """Return the headers that tell metadata and tags; keys that fit no header are left out."""
    lines = [
        (f"{META}{key}".encode("ascii"), quote(value, safe=_SAFE).encode("ascii"))
        for key, value in metadata.items()
        if _TOKEN.fullmatch(key)
    ]
    if tags:
        lines.append((TAGS.encode(), urlencode(tags).encode("ascii")))
    return lines


_SAFE = " !\"#$&'()*+,-./:;<=>?@[\\]^_`{|}~"


def _decoded(value: str, name: str) -> str:
    try:
        return unquote_to_bytes(value.encode("latin-1")).decode("utf-8")
    except UnicodeDecodeError:
        raise MalformedHeader("the value is not UTF-8", header=name) from None
