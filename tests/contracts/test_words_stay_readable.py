"""Events and requests evolve only by new fields: what was written once is readable for ever."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from libs.contracts import envelope
from libs.contracts.base import EVENTS
from libs.contracts.storage import BeginUpload
from libs.contracts.values import BucketName, Sha256
from tests.contracts.samples import FOLDER, words

WORDS = dict(words())


@pytest.mark.parametrize("name", sorted(WORDS))
def test_every_word_has_a_frozen_sample(name: str) -> None:
    assert (FOLDER / f"{name}.json").exists(), "run python -m tests.contracts.samples"


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.json")), ids=lambda path: path.stem)
def test_a_frozen_sample_is_still_understood(path: Path) -> None:
    frozen = msgspec.json.decode(path.read_bytes())

    word = msgspec.json.decode(path.read_bytes(), type=WORDS[path.stem])

    said_again = msgspec.json.decode(msgspec.json.encode(word))
    assert _says_all_of(said_again, frozen), "something that was said is gone"


def _says_all_of(newer: Any, older: Any) -> bool:
    """Return whether ``newer`` holds every field of ``older``, at any depth, with its value."""
    if isinstance(older, dict):
        return isinstance(newer, dict) and all(
            key in newer and _says_all_of(newer[key], value) for key, value in older.items()
        )
    if isinstance(older, list):
        return isinstance(newer, list) and all(map(_says_all_of, newer, older))
    return bool(newer == older)


def test_an_upload_begun_before_operations_were_told_is_a_put() -> None:
    frozen = (FOLDER / "request.rpc.storage.begin_upload.json").read_bytes()

    begun = msgspec.json.decode(frozen, type=BeginUpload)

    assert (begun.operation, begun.message) == ("put", "")


@pytest.mark.parametrize("name", sorted(WORDS))
def test_fields_of_a_newer_version_are_ignored(name: str) -> None:
    newer = msgspec.json.decode((FOLDER / f"{name}.json").read_bytes()) | {"added_later": {"a": 1}}

    word = msgspec.json.decode(msgspec.json.encode(newer), type=WORDS[name])

    assert isinstance(word, WORDS[name])


@pytest.mark.parametrize("event_type", sorted(EVENTS))
def test_an_event_survives_its_envelope(event_type: str) -> None:
    event = msgspec.json.decode(
        (FOLDER / f"event.{event_type}.json").read_bytes(), type=EVENTS[event_type]
    )

    headers = envelope.headers(event)

    assert envelope.decode(headers, envelope.encode(event)) == event
    assert headers["ce-type"] == event_type
    assert event.subject().startswith(f"{event_type}.")


def test_an_unknown_event_is_named() -> None:
    with pytest.raises(envelope.UnknownEvent, match=r"file\.eaten"):
        envelope.decode({"ce-type": "file.eaten"}, b"{}")


@pytest.mark.parametrize("headers", [None, {}, {"ce-type": "file.stored"}])
def test_what_is_no_event_is_unreadable(headers: dict[str, str] | None) -> None:
    with pytest.raises(envelope.UnreadableEvent):
        envelope.decode(headers, b"not json")


@pytest.mark.parametrize("value", ["a" * 63 + "\n", "ab" * 32 + "\n", "AB" * 32, "ab" * 31])
def test_a_digest_is_nothing_but_its_digits(value: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(value, Sha256)


@pytest.mark.parametrize("value", ["reports\n", "re", "Reports", "-reports", "a.b.c", "a" * 64])
def test_a_bucket_name_is_one_token_of_a_subject(value: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(value, BucketName)
