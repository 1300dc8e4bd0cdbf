"""Bytes in and out of an object store, a disk or memory; ``contract`` says what is promised."""

from libs.blobs.contract import (
    BlobBody,
    BlobStat,
    BlobStore,
    Body,
    Durability,
    DurabilityLevel,
    SignedMethod,
)
from libs.blobs.failures import (
    BlobDamaged,
    BlobFailure,
    BlobKeyRefused,
    BlobNotFound,
    BlobTooLarge,
    BlobTruncated,
    BodySizeMismatch,
    RangeNotSatisfiable,
    StoreFull,
    StoreMisconfigured,
    StoreUnavailable,
    StoreUrlInvalid,
)
from libs.blobs.fallback import Backends
from libs.blobs.opening import open_store

__all__ = [
    "Backends",
    "BlobBody",
    "BlobDamaged",
    "BlobFailure",
    "BlobKeyRefused",
    "BlobNotFound",
    "BlobStat",
    "BlobStore",
    "BlobTooLarge",
    "BlobTruncated",
    "Body",
    "BodySizeMismatch",
    "Durability",
    "DurabilityLevel",
    "RangeNotSatisfiable",
    "SignedMethod",
    "StoreFull",
    "StoreMisconfigured",
    "StoreUnavailable",
    "StoreUrlInvalid",
    "open_store",
]
