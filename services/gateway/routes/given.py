"""What routes are given besides the request, and the words that their signatures share."""

from collections.abc import Mapping
from typing import Annotated, Any, Generic, TypeVar

from litestar.di import Provide
from litestar.params import FromPath, QueryParameter
from litestar.types import Scope
from msgspec import Struct

from services.gateway.domain import cursors
from services.gateway.domain.failures import InvalidCursor
from services.gateway.edge.access import Access
from services.gateway.edge.asgi import ACCESS

T = TypeVar("T")

PREFIX = "/api/v1"

Bucket = FromPath[str]
Limit = Annotated[int, QueryParameter(ge=1, le=1000, description="How many items at most.")]
Cursor = Annotated[
    str | None, QueryParameter(description="``next`` of the page before.", max_length=4000)
]
Prefix = Annotated[str, QueryParameter(description="Only paths that begin so.", max_length=1024)]


class Cursors(Struct, frozen=True):
    """Signs where a list goes on."""

    secret: bytes

    def seal(self, scope: str, position: object | None) -> str | None:
        """Return the cursor of the next page; None behind the last one."""
        return None if position is None else cursors.seal(self.secret, scope, str(position))

    def open(self, scope: str, cursor: str | None, kind: type[T]) -> T | None:
        """Return the position in ``cursor``; raises ``InvalidCursor``."""
        if cursor is None:
            return None
        position = cursors.unseal(self.secret, scope, cursor)
        try:
            return kind(position)  # type: ignore[call-arg]
        except ValueError:
            raise InvalidCursor("the cursor belongs to another list") from None


class Page(Struct, Generic[T], frozen=True):
    """A page of a list."""

    items: list[T]
    next: str | None = None
    """Ask again with this as ``cursor``; absent on the last page."""


def dependencies(**things: object) -> Mapping[str, Any]:
    """Return what any route may ask for by name: ``things``, and the caller's actor and access."""
    return {
        "actor": Provide(_actor, sync_to_thread=False),
        "access": Provide(_access, sync_to_thread=False),
        **{name: _always(thing) for name, thing in things.items()},
    }


def _actor(scope: Scope) -> str:
    actor: str = scope["user"].actor
    return actor


def _access(scope: Scope) -> Access:
    access: Access = scope[ACCESS]  # type: ignore[literal-required]
    return access


def _always(thing: object) -> Provide:
    def give() -> Any:
        return thing

    return Provide(give, sync_to_thread=False)
