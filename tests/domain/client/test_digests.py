"""sha256 is the same whether written in hex or in base64."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.client.digests import etag, repr_digest, sha256_in


@given(content=st.binary())
def test_what_is_written_is_read_back(content: bytes) -> None:
    sha256 = hashlib.sha256(content).hexdigest()

    assert sha256_in(repr_digest(sha256)) == sha256


def test_one_digest_among_several_is_found() -> None:
    sha256 = hashlib.sha256(b"x").hexdigest()

    assert sha256_in(f"sha-512=:AAAA:, {repr_digest(sha256)}") == sha256


@pytest.mark.parametrize("header", [None, "", "sha-256=abc", "sha-256=:!!!:", "sha-256=:AAAA:"])
def test_what_is_no_digest_is_none(header: str | None) -> None:
    assert sha256_in(header) is None


def test_an_etag_is_the_digest_in_quotes() -> None:
    assert etag("ab") == '"ab"'
