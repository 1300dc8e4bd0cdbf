"""Signatures are those of ``docs/versioning-format.md``, for ever."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from services.versioning.domain.errors import InvalidKey, InvalidSignatureText
from services.versioning.domain.signatures import (
    PrivateKey,
    is_valid,
    key_id_of,
    parse_key,
    parse_signature,
    payload,
)

pytestmark = pytest.mark.domain

PAGE = Path(__file__).parents[3] / "docs" / "versioning-format.md"


@pytest.fixture(scope="module")
def documented() -> Any:
    """The example of the page: the first key of RFC 8032 §7.1, and the commit of the page."""
    found = re.search(
        r"^### A signature$.*?```json\n(.*?)```", PAGE.read_text(), re.DOTALL | re.MULTILINE
    )
    assert found is not None
    return json.loads(found[1])


def test_a_signature_is_made_as_documented(documented: Any) -> None:
    key = PrivateKey(bytes.fromhex(documented["private_key"]))
    target = bytes.fromhex(documented["target"])

    assert key.public_key.hex() == documented["public_key"]
    assert key_id_of(key.public_key).hex() == documented["key_id"]
    assert payload("commit", target) == documented["payload"].encode()
    assert key.sign("commit", target).hex() == documented["signature"]


def test_the_documented_signature_holds_for_nothing_else(documented: Any) -> None:
    public_key, signature = (bytes.fromhex(documented[n]) for n in ("public_key", "signature"))
    target = bytes.fromhex(documented["target"])

    assert is_valid(public_key, signature, "commit", target)
    assert not is_valid(public_key, signature, "tag", target)
    assert not is_valid(public_key, signature, "commit", bytes(32))
    assert not is_valid(bytes(32), signature, "commit", target)
    assert not is_valid(public_key, bytes(64), "commit", target)


@pytest.mark.parametrize("text", ["", "A" * 42, "A" * 44 + "AAAA", "=" * 44, "é" * 44], ids=ascii)
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(InvalidKey):
        parse_key(text)


def test_base64_may_come_without_its_padding() -> None:
    assert parse_key("A" * 43) == parse_key("A" * 43 + "=") == bytes(32)
    assert parse_signature("A" * 86) == bytes(64)
    with pytest.raises(InvalidSignatureText):
        parse_signature("A" * 88)
