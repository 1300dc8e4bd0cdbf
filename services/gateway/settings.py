"""What the gateway is told at start."""

from typing import Annotated

from msgspec import Meta

from libs.blobs.encoding.keyring import MasterKeysText
from libs.chassis.settings import ServiceSettings

Seconds = Annotated[float, Meta(gt=0)]
Count = Annotated[int, Meta(ge=1)]


class Settings(ServiceSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The gateway's settings."""

    store_url: str
    """The object store that storage uses too, e.g. ``s3://key:secret@host:port/bucket``."""

    store_public_url: str | None = None
    """The same store at the address where clients reach it, written like ``store_url``.

    It signs direct URLs; without it there are none."""

    fallback_store_url: str | None = None
    """Where bytes go while ``store_url`` refuses them; they are moved home afterwards. The same
    for gateway, storage and backup."""

    master_keys: MasterKeysText | None = None
    """What wraps the keys of encrypted blobs: one ``id:base64`` of 32 random bytes a line (or
    between commas), newest first, alike for gateway, storage and backup; best as ``…_FILE``."""

    admin_key: Annotated[str, Meta(pattern=r"^sr_[0-9a-f]{32}_[A-Za-z0-9_-]{32,128}$")]
    """``sr_<32 hex digits>_<secret>``: made known at the first start, stored only as a hash."""

    signing_secret: Annotated[str, Meta(min_length=32)] | None = None
    """Signs cursors and links, alike on all gateways; derived from the admin key when absent."""

    public_url: Annotated[str, Meta(pattern=r"^https?://[^/?#]+$")] | None = None
    """Where callers reach the API, e.g. ``https://files.example``; stands before signed links. When
    absent, each caller gets links at the address that it called."""

    host: str = "127.0.0.1"
    """Where the HTTP API listens."""

    port: Annotated[int, Meta(ge=1, le=65535)] = 8450
    """Its port."""

    max_upload_bytes: Count = 50 * 1024**3
    """A larger body is refused with 413."""

    max_json_bytes: Count = 1024**2
    """A larger JSON body is refused with 413."""

    small_body_bytes: Count = 64 * 1024
    """Up to this size a body is collected and stored in one piece."""

    diff_text_bytes: Annotated[int, Meta(ge=0, le=8 * 1024**2)] = 512 * 1024
    """Texts up to this size are compared line by line; of larger ones it is only told that they
    differ."""

    upload_origins: tuple[str, ...] = ()
    """Origins of pages that may upload by tus, e.g. ``https://app.example``; ``*`` for any."""

    transfer_memory_bytes: Annotated[int, Meta(ge=32 * 1024**2)] = 128 * 1024**2
    """What all uploads and downloads together may hold in memory; more of them wait."""

    cache_bytes: Annotated[int, Meta(ge=0)] = 24 * 1024**2
    """What contents of hot small files may take of memory; their records take a quarter of it."""

    shared_cache: bool = False
    """Whether gateways share records of files in the memory of NATS. It spares storage questions
    where several gateways read the same files; each upload costs a message more."""

    shared_cache_bytes: Annotated[int, Meta(ge=1024**2)] = 16 * 1024**2
    """What those may take there; alike on all gateways."""

    transfer_wait_s: Seconds = 10.0
    """How long a transfer waits for memory before it is refused with 503."""

    upload_idle_timeout_s: Seconds = 30.0
    """A body that sends nothing for this long is closed with 408."""

    upload_least_bytes_s: Annotated[float, Meta(ge=0)] = 1024.0
    """A body that comes slower than this on average is closed with 408."""

    download_idle_timeout_s: Seconds = 60.0
    """A reader that takes nothing for this long is cut off."""

    header_timeout_s: Seconds = 10.0
    """A connection whose request headers are not complete by then is closed."""

    answer_timeout_s: Seconds = 5.0
    """How long another service may take to answer before the caller gets 503."""

    requests_per_s: Seconds = 2000.0
    """How often one API key may call in the long run; above it 429."""

    request_burst: Count = 4000
    """How often it may call at once."""

    public_requests_per_s: Seconds = 50.0
    """How often one address may read public buckets without a key in the long run; above it 429."""

    public_request_burst: Count = 500
    """How often it may at once."""

    refusals_per_s: Seconds = 5.0
    """How many wrong keys one address may present in the long run; above it 429."""

    refusal_burst: Count = 50
    """How many wrong keys it may present at once."""

    key_cache_s: Annotated[float, Meta(gt=0, le=30)] = 30.0
    """How long a verified key is believed without looking again."""

    live_queue: Count = 256
    """How many messages may wait for one live client before it is closed as too slow."""

    live_ticks_per_s: Seconds = 10.0
    """How often a live topic tells its listeners something new."""
