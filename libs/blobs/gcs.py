"""Blobs in a bucket of Google Cloud Storage."""

import json
from typing import Any

from obstore.store import GCSStore as Client

from libs.blobs.bucket import BucketStore
from libs.blobs.bucket_client import (
    BucketOptions,
    client_config,
    durability_of,
    label_of,
    retry_config,
)
from libs.blobs.contract import Durability, DurabilityLevel


class GcsOptions(BucketOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How to reach a bucket of Google's, or of an emulator."""

    credentials: str | None = None
    """A service account's key file. Without it, credentials come from the environment
    (``GOOGLE_APPLICATION_CREDENTIALS``) or the machine's role."""
    endpoint: str | None = None
    """Of an emulator, with scheme. Without ``credentials`` it gets none."""


class GcsStore(BucketStore):
    """A blob store in a bucket of Google Cloud Storage."""

    def __init__(self, options: GcsOptions) -> None:
        """Prepare; nothing is sent before the first call."""
        client = _client(options)
        super().__init__(
            client,
            options,
            label=label_of(options.endpoint or "gs:/", options),
            durability=durability_of(
                options, known=_AT_GOOGLE if options.endpoint is None else _ELSEWHERE
            ),
            signer=client if _can_sign(options) else None,
        )


_AT_GOOGLE = Durability(
    DurabilityLevel.DURABLE, "Google keeps copies in several places before it answers"
)
_ELSEWHERE = Durability(DurabilityLevel.BEST_EFFORT, "an emulator, and nobody declared more")


_NO_CREDENTIALS = json.dumps(
    {"disable_oauth": True, "client_email": "", "private_key_id": "", "private_key": ""}
)
"""obstore's own ``skip_signature`` is not heeded by all of its requests."""


def _can_sign(options: GcsOptions) -> bool:
    return options.endpoint is None or options.credentials is not None


def _client(options: GcsOptions) -> Client:
    access: dict[str, Any] = {}
    if options.credentials is not None:
        access["service_account"] = options.credentials
    if options.endpoint is not None:
        access["base_url"] = options.endpoint
        if options.credentials is None:
            access["service_account_key"] = _NO_CREDENTIALS
    return Client(
        options.bucket,
        prefix=options.prefix or None,
        client_options=client_config(options, options.endpoint),
        retry_config=retry_config(),
        **access,
    )
