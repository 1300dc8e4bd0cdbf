"""What the failures of a blob store mean to the ledger: try again, or tell the operator."""

from collections.abc import Iterator
from contextlib import contextmanager

from libs.blobs import BlobFailure, StoreFull, StoreMisconfigured, StoreUnavailable
from libs.contracts.problems import Problem, ServiceUnavailable

RETRY_AFTER_S = 5.0


class StoreIsFull(Problem):
    """A store has no room left."""

    code, status = "store-full", 507


class StoreRefuses(Problem):
    """A store does not accept our credentials, or its bucket is gone."""

    code, status = "store-refuses", 502


@contextmanager
def named() -> Iterator[None]:
    """Turn failures of stores into problems; those that pass by themselves may be retried."""
    try:
        yield
    except StoreMisconfigured as error:
        raise StoreRefuses(str(error)) from error
    except StoreFull as error:
        raise StoreIsFull(str(error)) from error
    except StoreUnavailable as error:
        raise ServiceUnavailable(str(error), retry_after_s=RETRY_AFTER_S) from error
    except BlobFailure as error:
        raise ServiceUnavailable(f"a store broke off: {error}", retry_after_s=RETRY_AFTER_S) from (
            error
        )
