"""Grants: who may do what in a bucket, and why."""

from typing import Annotated, Literal
from uuid import UUID

from litestar import delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import JSONBody, QueryParameter
from msgspec import Meta, Struct
from msgspec.structs import replace

from libs.contracts.storage import Grant, GrantPrefix, RemoveGrant, Role, SetGrant
from libs.contracts.values import Principal, PrincipalName
from services.gateway.domain.access import EVERYONE, Caller, Deed, Rule, decide
from services.gateway.domain.failures import InvalidInput
from services.gateway.domain.keys import Needs
from services.gateway.edge.access import Access
from services.gateway.edge.gate import needs
from services.gateway.edge.keys import Keys
from services.gateway.edge.known_buckets import KnownBucket, KnownBuckets
from services.gateway.edge.platform import Platform
from services.gateway.routes.given import Bucket, Page, Prefix

TAGS = ["Grants"]
MANY = "/buckets/{bucket:str}/grants"
MOST_GROUPS = 100

Action = Literal["read", "list", "read-history", "write", "delete", "manage"]
"""``manage`` is to change settings and grants, and to delete the bucket."""

DEEDS: dict[Action, tuple[Needs, Role]] = {
    "read": ("read", "reader"),
    "list": ("read", "reader"),
    "read-history": ("read", "reader"),
    "write": ("write", "writer"),
    "delete": ("write", "writer"),
    "manage": ("write", "owner"),
}
PUBLIC: frozenset[Action] = frozenset({"read", "list"})


class NewGrant(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    principal: Principal
    """``key:<id>``, ``user:<name>``, ``group:<name>`` or ``everyone``."""
    prefix: GrantPrefix = ""
    """Empty for the whole bucket, or e.g. ``reports/``: with a slash at its end."""
    role: Role


class AccessCheck(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    action: Action
    path: Annotated[str, Meta(max_length=1024)] = ""
    """A file's path, or for lists a prefix; empty for the whole bucket."""
    principal: Principal | None = None
    """Whom to ask about: yourself if absent. Asking about others is the owner's."""
    groups: Annotated[list[PrincipalName], Meta(max_length=MOST_GROUPS)] | None = None
    """What ``principal`` is to belong to; a key's own groups if absent."""


class AccessChecked(Struct, frozen=True, kw_only=True):
    """Whether it would be allowed, and which rule decides."""

    allowed: bool
    reason: str
    rule: Rule | None
    """The scope, grant or setting that decided; null when nothing allows it."""
    looked_at: list[Rule]


@get(MANY, summary="List grants", tags=TAGS, opt=needs("read", role="owner", at="prefix"))
async def list_grants(
    bucket: Bucket, buckets: NamedDependency[KnownBuckets], prefix: Prefix = ""
) -> Page[Grant]:
    """List by prefix and principal what was given at the prefix and below it."""
    known = await buckets.get(bucket)
    return Page([grant for grant in known.grants if grant.prefix.startswith(prefix)])


@put(
    MANY,
    summary="Give a role",
    tags=TAGS,
    opt=needs("write", role="owner", at="somewhere"),
)
async def set_grant(
    bucket: Bucket,
    data: JSONBody[NewGrant],
    actor: NamedDependency[str],
    access: NamedDependency[Access],
    buckets: NamedDependency[KnownBuckets],
    platform: NamedDependency[Platform],
) -> Grant:
    """Give a principal a role below a prefix, in place of the one it had there.

    Who owns a prefix may give roles below it. A bucket keeps an owner: 409 when the last one is to
    be less; only the scope admin may leave it without.
    """
    await access.check(bucket, data.prefix, "owner")
    grant = await platform.ask(
        SetGrant(
            bucket=bucket,
            principal=data.principal,
            prefix=data.prefix,
            role=data.role,
            actor=actor,
            may_leave_no_owner=access.is_admin,
        )
    )
    buckets.forget(bucket)
    return grant


@delete(
    MANY,
    summary="Take a role back",
    tags=TAGS,
    opt=needs("write", role="owner", at="prefix"),
    status_code=204,
)
async def remove_grant(
    bucket: Bucket,
    principal: Annotated[str, QueryParameter(description="Whose.", max_length=200)],
    actor: NamedDependency[str],
    access: NamedDependency[Access],
    buckets: NamedDependency[KnownBuckets],
    platform: NamedDependency[Platform],
    prefix: Prefix = "",
) -> None:
    """Take back what a principal was given at exactly this prefix; 404 when that is nothing."""
    await platform.ask(
        RemoveGrant(
            bucket=bucket,
            principal=principal,
            prefix=prefix,
            actor=actor,
            may_leave_no_owner=access.is_admin,
        )
    )
    buckets.forget(bucket)


@post(
    "/buckets/{bucket:str}/access-checks",
    summary="Ask why",
    tags=TAGS,
    opt=needs("key", at="somewhere"),
    status_code=200,
)
async def check_access(
    bucket: Bucket,
    data: JSONBody[AccessCheck],
    access: NamedDependency[Access],
    keys: NamedDependency[Keys],
    buckets: NamedDependency[KnownBuckets],
) -> AccessChecked:
    """Tell whether a call would be allowed and which rule decides, without making it."""
    if data.principal is None:
        if data.groups is not None:
            raise InvalidInput("whose groups? say the principal", field="groups")
        caller = access.caller
    else:
        await access.check(bucket, role="owner")
        caller = await _caller(data.principal, data.groups, keys)
    return _checked(await buckets.get(bucket), caller, data)


async def _caller(principal: str, groups: list[str] | None, keys: Keys) -> Caller:
    """Return whose rights ``principal`` has: a key's are also those of whom it acts for."""
    kind, _, name = principal.partition(":")
    if kind != "key":
        given = (f"group:{group}" for group in groups or ())
        return Caller(principals=frozenset({principal, EVERYONE, *given}))
    identity = await keys.stand_in(UUID(name))
    if identity is None:  # unknown, revoked or expired: it has no scope
        return Caller(principals=frozenset({principal}), scopes=frozenset())
    return Caller.of(identity if groups is None else replace(identity, groups=frozenset(groups)))


def _checked(known: KnownBucket, caller: Caller, data: AccessCheck) -> AccessChecked:
    scope, role = DEEDS[data.action]
    deed = Deed(role=role, at=data.path, scope=scope, is_public=data.action in PUBLIC)
    decision = decide(caller, deed, known.grants, public_read=known.info.public_read)
    return AccessChecked(
        allowed=decision.allowed,
        reason=decision.reason,
        rule=decision.rule,
        looked_at=list(decision.looked_at),
    )


ROUTES = [list_grants, set_grant, remove_grant, check_access]
