"""Who may do what: the decision is what the plain words of the rules say."""

from datetime import UTC, datetime
from uuid import UUID

from hypothesis import example, given
from hypothesis import strategies as st

from libs.contracts.storage import Grant, Role
from services.gateway.domain.access import ANYBODY, Caller, Deed, Rule, decide
from services.gateway.domain.keys import Identity, Needs, Scope, allows

NOW = datetime(2026, 11, 22, tzinfo=UTC)
KEY = UUID(int=7)
ROLES: list[Role] = ["reader", "writer", "owner"]
PRINCIPALS = [f"key:{KEY}", "user:ann", "group:ops", "group:ann", "user:ops", "everyone"]
PREFIXES = ["", "a/", "a/b/", "ab/", "é/"]
PLACES = ["", "a", "a/", "a/b", "a/b/c", "ab/c", "a/b/", "é/x", "e\u0301/x", "A/b"]


def grant(principal: str, role: Role, prefix: str = "") -> Grant:
    return Grant(
        principal=principal, prefix=prefix, role=role, granted_at=NOW, granted_by="service:test"
    )


def identity(*scopes: Scope, user: str | None = None, groups: tuple[str, ...] = ()) -> Identity:
    return Identity(
        key_id=KEY, name="k", scopes=frozenset(scopes), user=user, groups=frozenset(groups)
    )


grants = st.lists(
    st.builds(
        grant, st.sampled_from(PRINCIPALS), st.sampled_from(ROLES), st.sampled_from(PREFIXES)
    ),
    max_size=6,
)
callers = st.builds(
    Caller,
    principals=st.frozensets(st.sampled_from(PRINCIPALS)),
    scopes=st.none() | st.frozensets(st.sampled_from(["read", "write", "admin"])),
)
deeds = st.builds(
    Deed,
    role=st.sampled_from(ROLES),
    at=st.none() | st.sampled_from(PLACES),
    scope=st.none() | st.sampled_from(["key", "read", "write"]),
    is_public=st.booleans(),
)


def naive(caller: Caller, deed: Deed, known: list[Grant], *, public_read: bool) -> bool:
    """Decide by enumerating everything that would allow the deed."""
    if caller.scopes is not None:
        if "admin" in caller.scopes:
            return True
        if deed.scope is not None and not allows(caller.scopes, deed.scope):
            return False
    ways = [
        one
        for one in known
        for who in caller.principals
        if one.principal == who
        and ROLES.index(one.role) >= ROLES.index(deed.role)
        and (deed.at is None or deed.at.encode()[: len(one.prefix.encode())] == one.prefix.encode())
    ]
    by_setting = public_read and deed.role == "reader" and (deed.is_public or deed.at is None)
    return bool(ways) or by_setting


@given(callers, deeds, grants, st.booleans())
@example(ANYBODY, Deed(role="reader", at="a", is_public=True), [grant("everyone", "owner")], False)
def test_a_decision_is_what_a_plain_reading_of_the_rules_gives(
    caller: Caller, deed: Deed, known: list[Grant], public_read: bool
) -> None:
    decision = decide(caller, deed, known, public_read=public_read)

    assert decision.allowed == naive(caller, deed, known, public_read=public_read)


@given(callers, deeds, grants, st.booleans())
def test_a_decision_names_a_rule_that_was_looked_at(
    caller: Caller, deed: Deed, known: list[Grant], public_read: bool
) -> None:
    decision = decide(caller, deed, known, public_read=public_read)

    if decision.allowed:
        assert decision.rule is not None
    if decision.rule is not None:
        assert decision.rule in decision.looked_at
    for rule in decision.looked_at:
        assert rule.grant is None or rule.grant.principal in caller.principals


@given(callers, deeds, grants, st.booleans())
def test_who_may_do_something_sees_the_bucket(
    caller: Caller, deed: Deed, known: list[Grant], public_read: bool
) -> None:
    decision = decide(caller, deed, known, public_read=public_read)

    admin = caller.scopes is not None and "admin" in caller.scopes
    if decision.allowed and not admin:
        assert decision.sees_bucket
    if not any(one.principal in caller.principals for one in known) and not public_read:
        assert not decision.sees_bucket


@given(callers, deeds, grants, st.sampled_from(PRINCIPALS), st.sampled_from(ROLES))
def test_a_further_grant_never_takes_anything_away(
    caller: Caller, deed: Deed, known: list[Grant], principal: str, role: Role
) -> None:
    before = decide(caller, deed, known, public_read=False)
    after = decide(caller, deed, [*known, grant(principal, role)], public_read=False)

    assert after.allowed or not before.allowed


@given(deeds, grants, st.booleans())
def test_without_a_key_only_the_public_setting_counts(
    deed: Deed, known: list[Grant], public_read: bool
) -> None:
    decision = decide(ANYBODY, deed, known, public_read=public_read)

    assert not decision.allowed or public_read
    assert decision.looked_at == [Rule(kind="public-read", public_read=public_read)]


def test_a_key_acts_for_itself_its_user_its_groups_and_everyone() -> None:
    plain = Caller.of(identity("read"))
    acting = Caller.of(identity("read", user="ann", groups=("ops",)))

    assert plain.principals == {f"key:{KEY}", "everyone"}
    assert acting.principals == {f"key:{KEY}", "user:ann", "group:ops", "everyone"}


def test_what_a_key_does_is_its_users_doing() -> None:
    assert identity("read").actor == f"key:{KEY}"
    assert identity("read", user="ann").actor == "user:ann"


def test_the_first_grant_that_allows_is_named() -> None:
    known = [grant("everyone", "reader"), grant("everyone", "writer", "a/")]
    caller = Caller.of(identity("read", "write"))

    reading = decide(caller, Deed(role="reader", at="a/x"), known, public_read=True)
    writing = decide(caller, Deed(role="writer", at="a/x"), known, public_read=True)

    assert reading.rule == Rule(kind="grant", grant=known[0])
    assert writing.rule == Rule(kind="grant", grant=known[1])
    assert "everyone is writer at a/" in writing.reason


def test_history_is_not_public() -> None:
    now: Deed = Deed(role="reader", at="a", is_public=True)
    then: Deed = Deed(role="reader", at="a")
    stranger = Caller.of(identity("read"))

    assert decide(stranger, now, [], public_read=True).allowed
    assert not decide(stranger, then, [], public_read=True).allowed


def test_the_scope_write_alone_reads_nothing() -> None:
    wanted: list[tuple[Needs, bool]] = [("read", False), ("write", True), ("key", True)]
    caller = Caller.of(identity("write"))

    for scope, expected in wanted:
        deed = Deed(role="reader", scope=scope)
        assert decide(caller, deed, [grant("everyone", "owner")], public_read=False).allowed == (
            expected
        )
