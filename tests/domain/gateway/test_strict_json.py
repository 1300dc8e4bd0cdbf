"""JSON has one meaning, or is refused."""

import pytest

from services.gateway.domain.failures import MalformedBody
from services.gateway.domain.strict_json import decode


def test_ordinary_json_is_read() -> None:
    assert decode(b'{"a": [1, 2.5, null, "x"], "b": {"a": true}}') == {
        "a": [1, 2.5, None, "x"],
        "b": {"a": True},
    }


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"a": 1, "a": 2}',
        b'{"x": {"a": 1, "a": 1}}',
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        b'"\xff"',
        b'"\\ud800"',
        b'{"a": 1e999}',
        b"{'a': 1}",
        b'{"a": 1} {"b": 2}',
    ],
)
def test_what_readers_could_disagree_about_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedBody):
        decode(body)


def test_the_name_given_twice_is_named() -> None:
    with pytest.raises(MalformedBody) as refused:
        decode(b'{"admin": false, "admin": true}')

    assert refused.value.fields == {"field": "admin"}
