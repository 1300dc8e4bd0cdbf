"""Digest fields of RFC 9530."""

import base64
import hashlib

import pytest

from services.gateway.domain.digests import announced_sha256, repr_digest
from services.gateway.domain.failures import MalformedHeader

DIGEST = hashlib.sha256(b"hello")
FIELD = f"sha-256=:{base64.b64encode(DIGEST.digest()).decode()}:"


def test_a_sha_256_is_read_beside_others() -> None:
    assert announced_sha256(FIELD, "Repr-Digest") == DIGEST.hexdigest()
    assert announced_sha256(f"sha-512=:YQ==:, {FIELD}", "Repr-Digest") == DIGEST.hexdigest()


def test_other_algorithms_announce_nothing() -> None:
    assert announced_sha256(None, "Repr-Digest") is None
    assert announced_sha256("sha-512=:YQ==:", "Repr-Digest") is None


@pytest.mark.parametrize(
    "field", ["", "sha-256", "sha-256=abc", "sha-256=:YQ==:", "sha-256=:!!!:", "SHA-256=:YQ==:"]
)
def test_what_is_no_digest_is_refused(field: str) -> None:
    with pytest.raises(MalformedHeader):
        announced_sha256(field, "Repr-Digest")


def test_a_digest_is_written_as_it_is_read() -> None:
    assert repr_digest(DIGEST.hexdigest()) == FIELD
