"""The object ``config``: what a reader must know before it believes anything else in a target."""

from datetime import datetime
from uuid import UUID

import msgspec
from msgspec import Struct

from services.backup.domain.errors import TargetUnusable

FORMAT = "plain-v0"
KNOWN_FEATURES: frozenset[str] = frozenset()


class TargetConfig(Struct, frozen=True, kw_only=True):
    """Names the format and the repository; the same for the whole life of a repository."""

    format: str
    repository_id: UUID
    required_features: list[str]
    """A reader that does not know one of these must not read, and never write."""
    created_at: datetime


def encode(config: TargetConfig) -> bytes:
    return msgspec.json.format(msgspec.json.encode(config)) + b"\n"


def decode(data: bytes) -> TargetConfig:
    """Return the config; raises ``TargetUnusable`` for one that this program cannot work with."""
    try:
        config = msgspec.json.decode(data, type=TargetConfig)
    except msgspec.DecodeError as error:
        raise TargetUnusable(f"its config cannot be read: {error}") from error
    if config.format != FORMAT:
        raise TargetUnusable(f"its format is {config.format!r}, this program knows {FORMAT!r}")
    unknown = sorted(set(config.required_features) - KNOWN_FEATURES)
    if unknown:
        raise TargetUnusable(f"it needs features this program does not know: {', '.join(unknown)}")
    return config
