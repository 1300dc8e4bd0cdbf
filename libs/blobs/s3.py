"""Blobs in an S3 bucket: AWS, MinIO, SeaweedFS and whoever else speaks it."""

from typing import Any

from obstore.store import S3Store as Client

from libs.blobs.bucket import BucketStore
from libs.blobs.bucket_client import (
    BucketOptions,
    client_config,
    durability_of,
    label_of,
    retry_config,
)
from libs.blobs.contract import Durability, DurabilityLevel


class S3Options(BucketOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How to reach a bucket of an S3 server."""

    endpoint: str
    """With scheme; requests are path-style, as every implementation understands."""
    access_key: str | None = None
    """Without it, credentials come from the environment or the machine's role."""
    secret_key: str | None = None
    region: str = "us-east-1"


class S3Store(BucketStore):
    """A blob store in a bucket of an S3 server."""

    def __init__(self, options: S3Options) -> None:
        """Prepare; nothing is sent before the first call."""
        client = _client(options)
        super().__init__(
            client,
            options,
            label=label_of(options.endpoint, options),
            durability=durability_of(options, known=_UNDECLARED),
            signer=client,
        )


_UNDECLARED = Durability(
    DurabilityLevel.BEST_EFFORT,
    "nobody declared that it syncs to disk before it answers; "
    "a single SeaweedFS node lost the last seconds in a simulated power loss",
)


def _client(options: S3Options) -> Client:
    credentials: dict[str, Any] = {}
    if options.access_key is not None:
        credentials = {
            "access_key_id": options.access_key,
            "secret_access_key": options.secret_key or "",
        }
    return Client(
        options.bucket,
        endpoint=options.endpoint,
        region=options.region,
        prefix=options.prefix or None,
        virtual_hosted_style_request=False,
        disable_bulk_delete=True,
        client_options=client_config(options, options.endpoint),
        retry_config=retry_config(),
        **credentials,
    )
