"""Preconditions, in the order and with the comparisons of RFC 9110."""

from datetime import UTC, datetime, timedelta

import pytest

from libs.contracts.storage import Expectation
from services.gateway.domain.conditions import (
    NOTHING,
    Outcome,
    bare_etag,
    expectation,
    http_date,
    judge_read,
    known_etag,
    range_applies,
)
from services.gateway.domain.failures import InvalidInput, MalformedHeader

SHA, OTHER = "a" * 64, "b" * 64
NOW = datetime(2026, 11, 21, 22, 14, 5, 700_000, tzinfo=UTC)
BEFORE, AFTER = NOW - timedelta(hours=1), NOW + timedelta(hours=1)


@pytest.mark.parametrize(
    ("headers", "outcome"),
    [
        ({}, Outcome.ANSWER),
        ({"if-none-match": f'"{SHA}"'}, Outcome.NOT_MODIFIED),
        ({"if-none-match": f'W/"{SHA}"'}, Outcome.NOT_MODIFIED),
        ({"if-none-match": f'"x", "{SHA}"'}, Outcome.NOT_MODIFIED),
        ({"if-none-match": f'"{SHA}-zstd"'}, Outcome.NOT_MODIFIED),
        ({"if-none-match": "*"}, Outcome.NOT_MODIFIED),
        ({"if-none-match": f'"{OTHER}"'}, Outcome.ANSWER),
        ({"if-match": f'"{SHA}"'}, Outcome.ANSWER),
        ({"if-match": f'"{SHA}-zstd"'}, Outcome.ANSWER),
        ({"if-match": f'"{SHA}-zstd-zstd"'}, Outcome.FAILED),
        ({"if-match": "*"}, Outcome.ANSWER),
        ({"if-match": f'W/"{SHA}"'}, Outcome.FAILED),
        ({"if-match": f'"{OTHER}"'}, Outcome.FAILED),
        ({"if-modified-since": http_date(NOW)}, Outcome.NOT_MODIFIED),
        ({"if-modified-since": http_date(BEFORE)}, Outcome.ANSWER),
        ({"if-modified-since": "yesterday"}, Outcome.ANSWER),
        ({"if-unmodified-since": http_date(BEFORE)}, Outcome.FAILED),
        ({"if-unmodified-since": http_date(AFTER)}, Outcome.ANSWER),
        # An entity tag wins over a date, whatever the date says.
        ({"if-none-match": f'"{OTHER}"', "if-modified-since": http_date(AFTER)}, Outcome.ANSWER),
        ({"if-match": f'"{SHA}"', "if-unmodified-since": http_date(BEFORE)}, Outcome.ANSWER),
    ],
)
def test_a_read_is_judged_by_its_preconditions(headers: dict[str, str], outcome: Outcome) -> None:
    assert judge_read(headers, SHA, NOW) is outcome


@pytest.mark.parametrize("tags", ["abc", '"abc', '"a" "b"', "", '"a\x00b"'])
def test_a_list_that_is_none_is_refused(tags: str) -> None:
    with pytest.raises(MalformedHeader):
        judge_read({"if-match": tags}, SHA, NOW)


@pytest.mark.parametrize(
    ("header", "tag"),
    [
        (f'"{SHA}"', f'"{SHA}"'),
        (f'"x", W/"{SHA}-zstd", "{SHA}"', f'"{SHA}-zstd"'),
        ("*", f'"{SHA}"'),
    ],
)
def test_not_modified_names_what_the_reader_has(header: str, tag: str) -> None:
    assert known_etag({"if-none-match": header}, SHA) == tag


def test_a_range_applies_while_the_file_is_the_same() -> None:
    assert range_applies(None, SHA, NOW)
    assert range_applies(f'"{SHA}"', SHA, NOW)
    assert range_applies(http_date(NOW), SHA, NOW)
    assert not range_applies(f'"{OTHER}"', SHA, NOW)
    # What begins with the bytes of another coding cannot go on with these.
    assert not range_applies(f'"{SHA}-zstd"', SHA, NOW)
    assert not range_applies(f'W/"{SHA}"', SHA, NOW)
    assert not range_applies(http_date(BEFORE), SHA, NOW)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, Expectation()),
        ({"if-none-match": "*"}, Expectation(absent=True)),
        ({"if-match": "*"}, Expectation(any_of=[])),
        ({"if-match": f'"{SHA}", "{OTHER}"'}, Expectation(any_of=[SHA, OTHER])),
        ({"if-match": f'"{SHA}-zstd"'}, Expectation(any_of=[SHA])),
        # Tags that can match nothing must not turn into "anything".
        ({"if-match": f'W/"{SHA}"'}, Expectation(any_of=[NOTHING])),
        ({"if-match": '"abc"'}, Expectation(any_of=[NOTHING])),
    ],
)
def test_a_write_says_what_it_expects(headers: dict[str, str], expected: Expectation) -> None:
    assert expectation(headers) == expected


def test_a_write_knows_no_other_if_none_match() -> None:
    with pytest.raises(MalformedHeader):
        expectation({"if-none-match": f'"{SHA}"'})


def test_an_etag_in_json_may_keep_its_quotes() -> None:
    assert bare_etag(f'"{SHA}"') == bare_etag(SHA) == SHA
    assert bare_etag(None) is None
    with pytest.raises(InvalidInput):
        bare_etag("latest")
