"""Bytes in and out of an object store, a disk or memory; ``contract`` says what is promised."""

from libs.blobs.contract import (
    LONGEST_SIGNATURE_S,
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
    BlobExists,
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
    "LONGEST_SIGNATURE_S",
    "Backends",
    "BlobBody",
    "BlobDamaged",
    "BlobExists",
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
