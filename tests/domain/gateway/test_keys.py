"""API keys: their form, their check, their scopes."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from msgspec.structs import replace

from services.gateway.domain.keys import (
    Identity,
    KnownKey,
    Needs,
    PresentedKey,
    Scope,
    hash_secret,
    identify,
    new_secret,
    parse,
    spell,
)

NOW = datetime(2026, 11, 21, tzinfo=UTC)
SECRET = new_secret()
KNOWN = KnownKey(
    key_id=uuid4(),
    name="ci",
    secret_hash=hash_secret(SECRET),
    scopes=frozenset({"read"}),
    created_by="test",
    created_at=NOW,
)
PRESENTED = PresentedKey(KNOWN.key_id, hash_secret(SECRET))


def test_a_key_is_parsed_as_it_was_spelt() -> None:
    assert parse(spell(KNOWN.key_id, SECRET)) == PRESENTED


@pytest.mark.parametrize(
    "text",
    ["", "sr_", "sr_x_y", spell(KNOWN.key_id, "short"), "Bearer sr_a_b", "sr_" + "x" * 10**6],
    ids=range(6),
)
def test_what_has_another_form_is_no_key(text: str) -> None:
    assert parse(text) is None


def test_the_right_secret_identifies_its_key() -> None:
    identity = identify(PRESENTED, KNOWN, NOW)

    assert identity is not None
    assert identity.actor == f"key:{KNOWN.key_id}"


def test_wrong_unknown_revoked_and_expired_keys_identify_nobody() -> None:
    hour = timedelta(hours=1)
    wrong = PresentedKey(KNOWN.key_id, hash_secret(new_secret()))

    assert identify(wrong, KNOWN, NOW) is None
    assert identify(PRESENTED, None, NOW) is None
    assert identify(PRESENTED, replace(KNOWN, revoked_at=NOW - hour), NOW) is None
    assert identify(PRESENTED, replace(KNOWN, expires_at=NOW), NOW) is None
    assert identify(PRESENTED, replace(KNOWN, expires_at=NOW + hour), NOW) is not None


@pytest.mark.parametrize(
    ("scopes", "allowed"),
    [
        ({"read"}, {"anyone", "key", "read"}),
        ({"write"}, {"anyone", "key", "write"}),
        ({"read", "write"}, {"anyone", "key", "read", "write"}),
        ({"admin"}, {"anyone", "key", "read", "write", "admin"}),
    ],
)
def test_a_key_may_do_what_its_scopes_say(scopes: set[Scope], allowed: set[Needs]) -> None:
    identity = Identity(key_id=uuid4(), name="ci", scopes=frozenset(scopes))
    all_needs: list[Needs] = ["anyone", "key", "read", "write", "admin"]

    assert {needs for needs in all_needs if identity.may(needs)} == allowed
