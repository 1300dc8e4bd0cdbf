"""API keys, and who the caller is."""

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from litestar import Request, Response, delete, get, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from msgspec import Meta, Struct, field
from msgspec.structs import asdict

from libs.contracts.values import PrincipalName
from services.gateway.domain.failures import InvalidInput
from services.gateway.domain.keys import Identity, KnownKey, Scope
from services.gateway.edge.gate import needs
from services.gateway.edge.keys import Keys
from services.gateway.routes.given import PREFIX, Cursor, Cursors, Limit, Page

TAGS = ["Identity"]
LIST = "api-keys"
MOST_GROUPS = 100


class NewKey(Struct, frozen=True, forbid_unknown_fields=True):
    name: Annotated[str, Meta(min_length=1, max_length=100)]
    scopes: Annotated[list[Scope], Meta(min_length=1, max_length=3)]
    """``read``, ``write``, or ``admin``, which means all."""
    user: PrincipalName | None = None
    """Whom the key acts for: their grants are its grants, and what it does is theirs."""
    groups: Annotated[list[PrincipalName], Meta(max_length=MOST_GROUPS)] = field(
        default_factory=list
    )
    """The groups whose grants are its grants."""
    expires_at: Annotated[datetime, Meta(tz=True)] | None = None


class KeyInfo(Struct, frozen=True, kw_only=True):
    key_id: UUID
    name: str
    scopes: list[Scope]
    user: str | None
    groups: list[str]
    created_by: str
    created_at: datetime
    expires_at: datetime | None


class CreatedKey(KeyInfo, frozen=True, kw_only=True):
    key: str | None
    """The key itself, shown this once; a repeated answer has null here."""


class Me(Struct, frozen=True, kw_only=True):
    key_id: UUID
    name: str
    actor: str
    scopes: list[Scope]
    user: str | None
    groups: list[str]
    expires_at: datetime | None


@post(
    "/api-keys",
    summary="Create an API key",
    tags=TAGS,
    opt=needs("admin") | {"shown_once": ("key",)},
)
async def create_key(
    data: JSONBody[NewKey], actor: NamedDependency[str], keys: NamedDependency[Keys]
) -> Response[CreatedKey]:
    """Create an API key. Its secret is in this answer and nowhere else."""
    if data.expires_at is not None and data.expires_at <= datetime.now(UTC):
        raise InvalidInput("the key would have expired already", field="expires_at")
    issued = await keys.issue(
        name=data.name,
        scopes=frozenset(data.scopes),
        user=data.user,
        groups=frozenset(data.groups),
        expires_at=data.expires_at,
        actor=actor,
    )
    info = _info(issued.known)
    return Response(
        CreatedKey(**asdict(info), key=issued.text),
        headers={"Location": f"{PREFIX}/api-keys/{info.key_id}", "Cache-Control": "no-store"},
    )


@get("/api-keys", summary="List API keys", tags=TAGS, opt=needs("admin"))
async def list_keys(
    keys: NamedDependency[Keys],
    cursors: NamedDependency[Cursors],
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[KeyInfo]:
    """List the keys that are not revoked, newest first, without their secrets."""
    found = await keys.list(before=cursors.open(LIST, cursor, UUID), limit=limit + 1)
    more = found[limit - 1].key_id if len(found) > limit else None
    return Page([_info(known) for known in found[:limit]], cursors.seal(LIST, more))


@delete(
    "/api-keys/{key_id:uuid}",
    summary="Revoke an API key",
    tags=TAGS,
    opt=needs("admin"),
    status_code=204,
)
async def revoke_key(
    key_id: FromPath[UUID], actor: NamedDependency[str], keys: NamedDependency[Keys]
) -> None:
    """Make a key worthless, everywhere and at once."""
    await keys.revoke(key_id, actor)


@get("/me", summary="Who am I", tags=TAGS, opt=needs("key"))
async def get_me(request: Request[Identity, None, State]) -> Me:
    """Return whose key this is and what it may do."""
    identity = request.user
    return Me(
        key_id=identity.key_id,
        name=identity.name,
        actor=identity.actor,
        scopes=sorted(identity.scopes),
        user=identity.user,
        groups=sorted(identity.groups),
        expires_at=identity.expires_at,
    )


def _info(known: KnownKey) -> KeyInfo:
    return KeyInfo(
        key_id=known.key_id,
        name=known.name,
        scopes=sorted(known.scopes),
        user=known.user,
        groups=sorted(known.groups),
        created_by=known.created_by,
        created_at=known.created_at,
        expires_at=known.expires_at,
    )


ROUTES = [create_key, list_keys, revoke_key, get_me]
