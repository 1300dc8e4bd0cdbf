"""What may be said of a file besides its bytes: its media type, metadata and tags."""

import re
from functools import lru_cache

from libs.contracts.problems import Problem
from libs.contracts.values import Labels

MOST_LABELS = 64
LONGEST_KEY = 128
LONGEST_VALUE = 1024
MOST_BYTES = 8 * 1024

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105 - RFC 9110 §5.6.2, no secret
_MEDIA_TYPE = re.compile(rf"{_TOKEN}/{_TOKEN}[ \t]*(;[\x20-\x7e\t]*)?")
_KEY = re.compile(_TOKEN)
_NOT_PLAIN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


class InvalidContentType(Problem):
    """This is no media type."""

    code, status = "invalid-content-type", 400


class InvalidLabels(Problem):
    """Metadata or tags are not of the allowed form or size."""

    code, status = "invalid-labels", 400


@lru_cache(1024)  # of a failure nothing is remembered
def check_content_type(content_type: str) -> None:
    """Raise ``InvalidContentType`` unless it is a media type (RFC 9110 §8.3.1) safe in a header."""
    if not _MEDIA_TYPE.fullmatch(content_type):
        raise InvalidContentType("type/subtype is expected", field="content_type")


def check_metadata(metadata: Labels) -> None:
    """Raise ``InvalidLabels`` unless each key can be part of a header's name."""
    for key in metadata:
        if not _KEY.fullmatch(key):
            raise InvalidLabels("a key has other characters than a header may", field="metadata")
    _check_sizes(metadata, "metadata")


def check_tags(tags: Labels) -> None:
    """Raise ``InvalidLabels`` unless keys and values are plain text."""
    check_labels(tags, "tags")


def check_labels(labels: Labels, field: str) -> None:
    """Raise ``InvalidLabels``, naming ``field``, unless keys and values are plain text."""
    if "" in labels or any(_NOT_PLAIN.search(key) for key in labels):
        raise InvalidLabels("a key is empty or has control characters", field=field)
    _check_sizes(labels, field)


def _check_sizes(labels: Labels, field: str) -> None:
    if not labels:
        return
    if len(labels) > MOST_LABELS:
        raise InvalidLabels(f"there are more than {MOST_LABELS}", field=field)
    for key, value in labels.items():
        if len(key) > LONGEST_KEY or len(value) > LONGEST_VALUE:
            raise InvalidLabels(
                f"keys have up to {LONGEST_KEY} characters, values up to {LONGEST_VALUE}",
                field=field,
            )
        if _NOT_PLAIN.search(value):
            raise InvalidLabels("a value has control characters", field=field)
    if sum(len(key.encode()) + len(value.encode()) for key, value in labels.items()) > MOST_BYTES:
        raise InvalidLabels(f"they have more than {MOST_BYTES} bytes in all", field=field)
