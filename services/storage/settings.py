from datetime import datetime, timedelta
from typing import Annotated

from msgspec import Meta

from libs.blobs.encoding.keyring import MasterKeysText
from libs.chassis.settings import ServiceSettings

Seconds = Annotated[float, Meta(gt=0)]


class Settings(ServiceSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the storage service is told."""

    store_url: str
    """The object store that holds the bytes: ``s3://…`` or ``file:///…``."""

    fallback_store_url: str | None = None
    """Where bytes go while ``store_url`` refuses them; they are moved home afterwards. The same
    for gateway, storage and backup."""

    master_keys: MasterKeysText | None = None
    """What wraps the keys of encrypted blobs: one ``id:base64`` of 32 random bytes a line (or
    between commas), newest first, alike for gateway, storage and backup; best as ``…_FILE``."""

    master_keys_kept: tuple[str, ...] = ()
    """Ids of master keys that somebody keeps a copy of elsewhere; ``doctor`` asks for the others:
    without its master key an encrypted blob is lost, and no backup holds it."""

    nats_monitor_url: Annotated[str, Meta(pattern="^https?://")] | None = None
    """Where NATS answers ``/jsz``, by which ``doctor`` knows how soon it writes to disk."""

    upload_lease_s: Seconds = 12 * 3600.0
    """An upload that is not committed in this time is forgotten, and its bytes with it."""

    promise_lease_s: Seconds = 3600.0
    """A promised object that is not committed in this time is deleted."""

    held_content_s: Annotated[float, Meta(ge=1800, le=7 * 86_400)] = 3600.0
    """How long content that no file has is held for whoever is to name it on a branch or in a
    commit. Nobody may begin to name it in its last ten minutes."""

    session_idle_s: Seconds = 24 * 3600.0
    """An upload in parts that nothing comes to for this long is forgotten."""

    session_longest_s: Seconds = 7 * 24 * 3600.0
    """And it is forgotten after this long, however much goes on coming."""

    session_lease_s: Seconds = 10.0
    """How long an upload in parts stays locked when the gateway that writes to it dies."""

    answer_kept_s: Seconds = 24 * 3600.0
    """How long a commit that is asked for again is answered as the first time."""

    clamd_address: Annotated[str, Meta(pattern=r"^(tcp://[^/\s]+:[0-9]+|unix:///\S+)$")] | None = (
        None
    )
    """Where ClamAV's ``clamd`` listens, ``tcp://host:3310`` or ``unix:///run/clamd.sock``; without
    it no bucket can require the check ``clamav``."""

    clamd_most_bytes: Annotated[int, Meta(ge=1)] = 100 * 1024**2
    """What is larger is refused by the check ``clamav``, as ``clamd`` would not look at its end: at
    most its ``StreamMaxLength``."""

    clamd_timeout_s: Seconds = 120.0
    """A ``clamd`` that is silent for so long is asked again later."""

    check_interval_s: Seconds = 1.0
    """How often content is looked for that storage checks itself, and what waits too long."""

    check_lease_s: Seconds = 30.0
    """How soon another replica takes a check over when the one that was at it dies."""

    sweep_interval_s: Seconds = 60.0
    """How often expired uploads and doomed objects are looked for."""

    lifecycle_interval_s: Seconds = 3600.0
    """How often lifecycle rules are applied."""

    orphan_interval_s: Seconds = 6 * 3600.0
    """How often the newest slices of the store are compared with the records."""

    orphan_margin_s: Seconds = 3600.0
    """How long after its lease an upload may still be writing its object."""

    blob_grace_s: Seconds = 24 * 3600.0
    """How long a blob that nothing names waits before it is deleted."""

    bucket_grace_s: Annotated[float, Meta(ge=0)] = 7 * 24 * 3600.0
    """How long a deleted bucket can be brought back; its bytes stay as long."""

    object_grace_s: Seconds = 15 * 60.0
    """How long an object stays whose blobs are gone or moved: who was told where they lay may be
    reading them. Nobody may remember a blob's place for longer."""

    blob_walk_interval_s: Seconds = 7 * 24 * 3600.0
    """How often all blobs are looked through for those that nothing names."""

    scrub_percent_per_day: Annotated[float, Meta(gt=0, le=100)] = 100 / 30
    """How much of all stored bytes is read again and proved in a day."""

    scrub_bytes_per_s: Annotated[float, Meta(ge=1024)] = 20_000_000
    """And at most so much of it in a second."""

    scrub_interval_s: Seconds = 60.0
    """How often blobs are looked for that have to be proved again."""

    export_kept_s: Seconds = 24 * 3600.0
    """How long exports lie in the store."""

    def begun_before_are_orphans(self, now: datetime) -> datetime:
        """Return when an upload began at the latest whose object has to have a record by now."""
        return now - timedelta(seconds=self.upload_lease_s + self.orphan_margin_s)
