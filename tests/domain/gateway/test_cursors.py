"""Cursors are signed with the list they belong to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.domain.cursors import seal, unseal
from services.gateway.domain.failures import InvalidCursor

SECRET = b"s" * 32


@given(st.text(max_size=200).filter(lambda text: text.isprintable()))
def test_a_cursor_leads_back_to_its_position(position: str) -> None:
    assert unseal(SECRET, "files", seal(SECRET, "files", position)) == position


@pytest.mark.parametrize("cursor", ["", "x", "AAAA", "ä", "'; DROP TABLE file; --", "A" * 5000])
def test_what_we_did_not_make_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidCursor):
        unseal(SECRET, "files", cursor)


def test_a_changed_borrowed_or_foreign_cursor_is_refused() -> None:
    cursor = seal(SECRET, "files of a", "x")
    changed = cursor[:-2] + ("AA" if cursor[-2:] != "AA" else "BB")

    for wrong in (changed, seal(SECRET, "files of b", "x"), seal(b"t" * 32, "files of a", "x")):
        with pytest.raises(InvalidCursor):
            unseal(SECRET, "files of a", wrong)
