"""What the headers of a request say about the bytes in its body."""

from litestar import Request
from litestar.datastructures import State

from services.gateway.domain import served
from services.gateway.domain.digests import announced_sha256
from services.gateway.domain.failures import MalformedHeader
from services.gateway.domain.keys import Identity
from services.gateway.transfer.uploads import Announced

Call = Request[Identity, None, State]


def plain_headers(request: Call) -> list[tuple[str, str]]:
    """Return the headers as they came, names in lower case."""
    return [
        (name.decode("latin-1"), value.decode("latin-1"))
        for name, value in request.scope["headers"]
    ]


def content_type_of(request: Call) -> str:
    """Return the body's type as it was said; raises ``MalformedHeader``."""
    given = request.headers.get("content-type", "").strip() or "application/octet-stream"
    if not served.is_content_type(given):
        raise MalformedHeader("this is no media type", header="Content-Type")
    return given


def announced(request: Call) -> Announced:
    """Return the body's size and digests as they were said; raises ``MalformedHeader``."""
    length = request.headers.get("content-length")
    if length is not None and not (length.isascii() and length.isdigit()):
        raise MalformedHeader("this is no length", header="Content-Length")
    found = (
        announced_sha256(request.headers.get(name), name)
        for name in ("Repr-Digest", "Content-Digest")
    )
    return Announced(
        size=None if length is None else int(length),
        digests=frozenset(digest for digest in found if digest is not None),
        content_type="content-type" in request.headers,
    )
