"""What the versioning service is told."""

from typing import Annotated

from msgspec import Meta

from libs.chassis.settings import ServiceSettings


class Settings(ServiceSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The service's own settings beside those of every service."""

    cached_nodes: Annotated[int, Meta(ge=100)] = 10_000
    """Tree nodes kept decoded in memory, about 5 KB each; they never change."""

    mark_timeout_s: Annotated[float, Meta(gt=0)] = 5.0
    """How long a restore waits for the history to catch up with storage."""

    apply_timeout_s: Annotated[float, Meta(gt=0)] = 60.0
    """How long storage may take to apply one part of a restore."""

    retention_interval_s: Annotated[float, Meta(gt=0)] = 6 * 3600.0
    """How often each bucket's retention policy is applied; a changed one is within a minute."""

    unreached_grace_s: Annotated[float, Meta(ge=0)] = 7 * 24 * 3600.0
    """How long content of commits stays that no branch and no tag reaches any more."""

    signing_key: Annotated[str, Meta(min_length=43, max_length=44)] | None = None
    """The 32 bytes (base64) of an Ed25519 key that signs every commit and tag made here; best as
    ``…_FILE``. The public key is shown at each bucket's ``signing-keys``."""
