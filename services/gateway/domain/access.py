"""Who may do what in a bucket: a key's scopes cap, grants allow, public reading opens.

Nothing else allows anything. A grant covers the paths that begin with its prefix, byte by byte:
``reports/`` covers ``reports/2026/a`` and listing ``reports/2026``, not ``reports`` itself.
"""

from collections.abc import Sequence
from typing import Literal, Self

from msgspec import Struct

from libs.contracts.storage import Grant, Role
from libs.contracts.values import Principal
from services.gateway.domain.keys import Identity, Needs, Scope, allows

EVERYONE: Principal = "everyone"
ALL_OF_IT = ""
"""The place that only a grant on the whole bucket covers."""

RANKS: dict[Role, int] = {"reader": 1, "writer": 2, "owner": 3}


class Caller(Struct, frozen=True, kw_only=True):
    """Whose rights are asked about."""

    principals: frozenset[Principal]
    scopes: frozenset[Scope] | None = None
    """What the key is capped at; None: no key is meant, only whom it would act for."""

    @classmethod
    def of(cls, identity: Identity) -> Self:
        """Return who calls with a key: it acts for itself, its user and groups, and everyone."""
        return cls(principals=identity.principals | {EVERYONE}, scopes=identity.scopes)


ANYBODY = Caller(principals=frozenset())
"""Who calls without a key: no grant is theirs, also none for everyone."""


class Deed(Struct, frozen=True, kw_only=True):
    """What is to be done in a bucket."""

    role: Role
    at: str | None = ALL_OF_IT
    """The path or prefix that a grant has to cover; None: one anywhere in the bucket will do."""
    scope: Needs | None = None
    """What the key's scopes have to allow; None: that is known already."""
    is_public: bool = False
    """Whether public reading covers it: a file or a list as they are now, not their history."""


class Rule(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that was looked at."""

    kind: Literal["scope", "grant", "public-read"]
    scope: Needs | None = None
    grant: Grant | None = None
    public_read: bool | None = None


class Decision(Struct, frozen=True, kw_only=True):
    """Whether the deed is allowed, and why."""

    allowed: bool
    reason: str
    rule: Rule | None
    """What decided; None: nothing allows it."""
    looked_at: Sequence[Rule]
    sees_bucket: bool
    """Whether the caller may know that there is such a bucket."""


def decide(caller: Caller, deed: Deed, grants: Sequence[Grant], *, public_read: bool) -> Decision:
    """Decide by the first rule that does: scopes, the caller's grants, the public-read setting."""
    scope = _scope(caller, deed)
    mine = [
        Rule(kind="grant", grant=grant) for grant in grants if grant.principal in caller.principals
    ]
    setting = Rule(kind="public-read", public_read=public_read)
    allowed, reason, rule = _first_that_decides(caller, deed, scope, mine, setting)
    return Decision(
        allowed=allowed,
        reason=reason,
        rule=rule,
        looked_at=[*([] if scope is None else [scope]), *mine, setting],
        sees_bucket=bool(mine) or public_read,
    )


def _first_that_decides(
    caller: Caller, deed: Deed, scope: Rule | None, mine: Sequence[Rule], setting: Rule
) -> tuple[bool, str, Rule | None]:
    if scope is not None and scope.scope == "admin":
        return True, "a key with the scope admin may do everything", scope
    if scope is not None and not _has(caller, scope):
        return False, f"the key has not the scope {scope.scope}", scope
    for rule in mine:
        if rule.grant is not None and _allows(rule.grant, deed):
            return True, _told(rule.grant), rule
    if setting.public_read and deed.role == "reader" and (deed.is_public or deed.at is None):
        return True, "everybody may read this bucket", setting
    return False, f"nothing gives the role {deed.role} {_where(deed)}", None


def covers(grant: Grant, at: str | None) -> bool:
    """Tell whether ``grant`` is about this path, or about all that begins with this prefix."""
    return at is None or at.startswith(grant.prefix)


def _allows(grant: Grant, deed: Deed) -> bool:
    return covers(grant, deed.at) and RANKS[grant.role] >= RANKS[deed.role]


def _scope(caller: Caller, deed: Deed) -> Rule | None:
    """Return which scope matters, if a key is meant and its scopes are not known to do."""
    if caller.scopes is None:
        return None
    if "admin" in caller.scopes:
        return Rule(kind="scope", scope="admin")
    return None if deed.scope is None else Rule(kind="scope", scope=deed.scope)


def _has(caller: Caller, scope: Rule) -> bool:
    return scope.scope is not None and allows(caller.scopes or (), scope.scope)


def _told(grant: Grant) -> str:
    return f"{grant.principal} is {grant.role} {_below(grant.prefix)}"


def _where(deed: Deed) -> str:
    return "anywhere in the bucket" if deed.at is None else _below(deed.at)


def _below(prefix: str) -> str:
    return f"at {prefix}" if prefix else "of the whole bucket"
