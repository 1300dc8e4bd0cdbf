"""What may happen to an upload in parts, and what may not."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from libs.contracts.paths import InvalidPath
from libs.contracts.problems import Problem
from libs.contracts.storage import SessionWish
from services.storage.domain.errors import BucketNotFound
from services.storage.domain.sessions import (
    LengthMismatch,
    OffsetMismatch,
    PartialsNotReady,
    Session,
    SessionExpired,
    SessionLocked,
    SessionLost,
    SessionNotFound,
    SessionNotOpen,
    check_joinable,
    check_wish,
)


def a_session(**changes: Any) -> Session:
    """Return a partial upload of five bytes that are all there, with ``changes``."""
    known: dict[str, Any] = {
        "session_id": uuid4(),
        "kind": "partial",
        "actor": "key:1",
        "bucket": None,
        "wish": SessionWish(),
        "length": 5,
        "received": 5,
        "expires_at": datetime.now(UTC),
        "expired": False,
        "lease_id": None,
        "held": False,
        "partials": [],
        "joined_into": None,
        "put": None,
    }
    return Session(**(known | changes))


def test_a_part_goes_on_where_the_last_one_ended() -> None:
    session = a_session(received=3)

    session.check_takes_part(3, None)
    with pytest.raises(OffsetMismatch) as refused:
        session.check_takes_part(0, None)

    assert refused.value.fields == {"offset": 3}


def test_a_length_is_told_once_and_holds_what_came() -> None:
    a_session(length=None, received=3).check_takes_part(3, 3)
    a_session(received=3).check_takes_part(3, 5)
    with pytest.raises(LengthMismatch):
        a_session(length=None, received=3).check_takes_part(3, 2)
    with pytest.raises(LengthMismatch):
        a_session(received=3).check_takes_part(3, 6)


def test_no_more_comes_than_was_announced() -> None:
    session = a_session(received=3)

    session.check_has_room(2)
    with pytest.raises(LengthMismatch):
        session.check_has_room(3)


@pytest.mark.parametrize(
    "changes",
    [{"kind": "partial"}, {"kind": "whole", "received": 4}, {"kind": "whole", "length": None}],
    ids=["partial", "not-full", "length-unknown"],
)
def test_only_a_full_upload_that_is_no_part_of_others_becomes_a_file(
    changes: dict[str, Any],
) -> None:
    a_session(kind="whole").check_assembles()
    with pytest.raises(SessionNotOpen):
        a_session(**changes).check_assembles()


def test_what_was_joined_takes_no_bytes() -> None:
    with pytest.raises(SessionNotOpen):
        a_session(kind="final").check_takes_part(5, None)


def test_only_the_holder_of_the_lease_may_append() -> None:
    mine, other = uuid4(), uuid4()

    a_session(lease_id=mine).check_held_by(mine)
    for lease_id in (other, None):
        with pytest.raises(SessionLost):
            a_session(lease_id=lease_id).check_held_by(mine)


def test_a_session_whose_time_or_bucket_is_over_can_only_end() -> None:
    a_session().check_alive()
    with pytest.raises(SessionExpired):
        a_session(expired=True).check_alive()
    with pytest.raises(BucketNotFound):
        a_session(wish=SessionWish(bucket="gone", path="a")).check_alive()


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"received": 4}, PartialsNotReady),
        ({"kind": "whole"}, PartialsNotReady),
        ({"joined_into": uuid4()}, PartialsNotReady),
        ({"expired": True}, SessionExpired),
        ({"held": True}, SessionLocked),
    ],
    ids=["not-full", "whole", "joined-before", "expired", "held"],
)
def test_only_complete_partial_uploads_are_joined(
    changes: dict[str, Any], why: type[Problem]
) -> None:
    good, bad = a_session(), a_session(**changes)

    check_joinable([good], [good.session_id])
    with pytest.raises(why):
        check_joinable([good, bad], [good.session_id, bad.session_id])


def test_an_unknown_partial_upload_is_not_joined() -> None:
    with pytest.raises(SessionNotFound):
        check_joinable([], [uuid4()])


def test_only_a_partial_upload_may_leave_its_path_open() -> None:
    check_wish(SessionWish(), is_partial=True)
    check_wish(SessionWish(bucket="b-1", path="a"), is_partial=False)
    with pytest.raises(InvalidPath):
        check_wish(SessionWish(bucket="b-1"), is_partial=False)
    with pytest.raises(InvalidPath):
        check_wish(SessionWish(bucket="b-1", path="../a"), is_partial=True)
