"""What the backup service is told."""

from typing import Annotated

from msgspec import Meta

from libs.blobs.encoding.keyring import MasterKeysText
from libs.chassis.settings import ServiceSettings


class Settings(ServiceSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Read from ``STRONGROOM_BACKUP_*``."""

    store_url: str
    """The platform's object store: snapshots read from it, restores write to it."""

    fallback_store_url: str | None = None
    """Where bytes go while ``store_url`` refuses them; they are moved home afterwards. The same
    for gateway, storage and backup."""

    master_keys: MasterKeysText | None = None
    """What wraps the keys of encrypted blobs: one ``id:base64`` of 32 random bytes a line (or
    between commas), newest first, alike for gateway, storage and backup; best as ``…_FILE``."""

    file_target_roots: tuple[str, ...] = ()
    """Directories, separated by commas, below which ``file`` targets may lie; none: no such
    targets."""

    default_target_url: str | None = None
    """The target ``local`` is made here when there is none of that name."""

    copies_at_once: Annotated[int, Meta(ge=1, le=64)] = 8
    """How many blobs one task reads and writes at the same time."""

    tasks_at_once: Annotated[int, Meta(ge=1, le=16)] = 2
    """How many tasks one process works on."""

    export_timeout_s: Annotated[float, Meta(gt=0)] = 900.0
    """How long storage may take to list a whole bucket."""

    probe_timeout_s: Annotated[float, Meta(gt=0, le=4.5)] = 4.0
    """How long a new target may take to show that it works."""
