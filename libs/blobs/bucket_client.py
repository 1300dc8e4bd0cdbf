"""How every bucket is spoken to, whoever runs it: obstore's clients, with our limits."""

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, TypeAlias

from msgspec import Meta, Struct
from obstore.store import AzureStore, GCSStore, S3Store

from libs.blobs.contract import Durability, DurabilityLevel

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig  # exist for type checkers only

BucketClient: TypeAlias = S3Store | GCSStore | AzureStore

MOST_PARTS = 10_000
"""S3's limit, and Google's; Azure has a higher one."""
LEAST_PART_BYTES = 5 * 1024 * 1024
"""S3's limit, and Google's."""


class BucketOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How to reach any bucket, and how much of the machine an upload may take."""

    bucket: str
    prefix: str = ""
    """A folder of the bucket that is the whole store for us."""
    durability: DurabilityLevel | None = None
    """What the operator declares of the server; each driver knows what holds without it."""
    part_bytes: Annotated[int, Meta(ge=LEAST_PART_BYTES)] = LEAST_PART_BYTES
    """Larger parts are not faster on one node, and an upload holds up to three of them."""
    parts_in_flight: Annotated[int, Meta(ge=1)] = 2
    connect_timeout_s: Annotated[float, Meta(gt=0)] = 1.5
    request_timeout_s: Annotated[float, Meta(gt=0)] = 8.0
    """For a request until its answer begins, and between two pieces of an answer's body."""


def label_of(endpoint: str, options: BucketOptions) -> str:
    """Return the store's address without its secrets."""
    return "/".join(part for part in (endpoint, options.bucket, options.prefix) if part)


def durability_of(options: BucketOptions, *, known: Durability) -> Durability:
    """Return what the operator declared, or else what is known of such a server."""
    if options.durability is None:
        return known
    return Durability(options.durability, _DECLARED[options.durability])


_DECLARED = {
    DurabilityLevel.DURABLE: "its operator declares that it syncs to disk before it answers",
    DurabilityLevel.BEST_EFFORT: "its operator declares that a power loss may cost something",
}


def client_config(options: BucketOptions, endpoint: str | None) -> "ClientConfig":
    """Return what obstore's HTTP client is to heed: no limit on how long a body may take in all."""
    return {
        "allow_http": (endpoint or "").startswith("http://"),
        "connect_timeout": timedelta(seconds=options.connect_timeout_s),
        # For writing it covers the whole request, for reading each wait for more.
        "read_timeout": timedelta(seconds=options.request_timeout_s),
        # A total limit (30 s otherwise) would cut off who reads a large blob slowly.
        "timeout": timedelta(days=7),
    }


def retry_config() -> "RetryConfig":
    """Return short retries: who waits for a store that is down hears of it within 2 s."""
    return {
        "max_retries": 3,
        "retry_timeout": timedelta(seconds=1),
        "backoff": {
            "init_backoff": timedelta(milliseconds=50),
            "max_backoff": timedelta(milliseconds=400),
            "base": 2,
        },
    }
