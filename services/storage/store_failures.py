"""What the object store's failures mean to whoever asked storage."""

from collections.abc import Iterator
from contextlib import contextmanager

from libs.blobs import StoreFull, StoreUnavailable
from libs.contracts.problems import Problem, ServiceUnavailable


class OutOfSpace(Problem):
    """The object store has no room."""

    code, status = "out-of-space", 507


@contextmanager
def store_failures() -> Iterator[None]:
    """Turn the named failures of a store inside the block into problems."""
    try:
        yield
    except StoreUnavailable as error:
        raise ServiceUnavailable("the object store does not answer", retry_after_s=2) from error
    except StoreFull as error:
        raise OutOfSpace(retry_after_s=60) from error
