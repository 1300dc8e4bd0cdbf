"""Blobs in a container of Azure Blob Storage."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from obstore.store import AzureStore as Client

from libs.blobs.bucket import BucketStore
from libs.blobs.bucket_client import (
    BucketOptions,
    client_config,
    durability_of,
    label_of,
    retry_config,
)
from libs.blobs.contract import Durability, DurabilityLevel, SignedMethod


class AzureOptions(BucketOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How to reach a container of Azure's, or of an emulator; ``bucket`` is the container."""

    endpoint: str
    """With scheme; of an emulator also with the account as its path."""
    account: str
    key: str | None = None
    """Without it, credentials come from the environment (``AZURE_…``) or the machine's identity."""


class AzureStore(BucketStore):
    """A blob store in a container of Azure Blob Storage."""

    put_headers: Mapping[str, str] = MappingProxyType({"x-ms-blob-type": "BlockBlob"})

    def __init__(self, options: AzureOptions) -> None:
        """Prepare; nothing is sent before the first call."""
        at_azure = options.endpoint.endswith(_AZURE)
        client = _client(options)
        super().__init__(
            client,
            options,
            label=label_of(options.endpoint, options),
            durability=durability_of(options, known=_AT_AZURE if at_azure else _ELSEWHERE),
            signer=client,
        )

    async def sign(self, method: SignedMethod, key: str, expires_s: int) -> str | None:
        """See ``BlobStore.sign``. Azure signs rights, not methods: who may read may also look."""
        return await super().sign("GET" if method == "HEAD" else method, key, expires_s)


_AZURE = ".blob.core.windows.net"
_AT_AZURE = Durability(DurabilityLevel.DURABLE, "Azure keeps three copies before it answers")
_ELSEWHERE = Durability(DurabilityLevel.BEST_EFFORT, "not Azure itself, and nobody declared more")


def _client(options: AzureOptions) -> Client:
    access: dict[str, Any] = {} if options.key is None else {"account_key": options.key}
    return Client(
        options.bucket,
        prefix=options.prefix or None,
        account_name=options.account,
        endpoint=options.endpoint,
        client_options=client_config(options, options.endpoint),
        retry_config=retry_config(),
        **access,
    )
