"""What is expected of an input, in words: a pattern tells nobody what to write."""

from typing import Any, get_args

from msgspec import Meta

from libs.contracts.backup import TargetName
from libs.contracts.progress import QueueName, TaskKind
from libs.contracts.storage import CheckName as FileCheckName
from libs.contracts.values import BucketName, Principal, PrincipalName, Sha256
from libs.contracts.versioning import CheckName, RefName

_LETTERS = "letters, digits, `.`, `_`, `/` and `-`, with a letter or digit first"

_WORDS: dict[Any, str] = {
    Sha256: "expected 64 hexadecimal digits in lower case: all of an id or a digest",
    BucketName: "expected 3 to 63 lower-case letters, digits and hyphens, no hyphen at either end",
    RefName: (
        f"a branch or tag is named by {_LETTERS}; not by `now` or `HEAD`, not with `..`, `//` or "
        "`.lock`, and not by 8 to 64 hexadecimal digits, which could be a commit"
    ),
    CheckName: f"expected up to 100 {_LETTERS}",
    FileCheckName: "expected up to 32 lower-case letters, digits and hyphens, a letter first",
    TargetName: "expected 2 to 63 lower-case letters, digits and hyphens, no hyphen at either end",
    PrincipalName: "expected up to 100 letters, digits and `._@+-`, with a letter or digit first",
    Principal: "expected `everyone`, `key:<id>`, `user:<name>` or `group:<name>`",
    QueueName: "expected up to 41 lower-case letters, digits and hyphens, a letter first",
    TaskKind: "expected up to 81 lower-case letters, digits and `_.-`, a letter first",
}


def _refusal(value: Any) -> str:
    """Return what msgspec says of a text that does not match."""
    (pattern,) = (meta.pattern for meta in get_args(value) if isinstance(meta, Meta))
    return f"Expected `str` matching regex {pattern!r}"


_SAID = {_refusal(value): words for value, words in _WORDS.items()}


def in_words(why: str) -> str:
    """Return what is wrong with an input, without its pattern where it has one."""
    return _SAID.get(why, why)
