"""What obstore's errors mean. It tells apart little by class, so the status and code are read."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    PermissionDeniedError,
    UnauthenticatedError,
)

from libs.blobs.failures import (
    BlobExists,
    BlobFailure,
    BlobNotFound,
    StoreFull,
    StoreMisconfigured,
    StoreUnavailable,
)

_STATUS = re.compile(r"status code: (\d{3})")
_CODE = re.compile(r"<Code>(\w+)</Code>")
_FULL = {"XMinioStorageFull", "QuotaExceeded", "InsufficientStorage", "EntityTooLarge"}
_BEHIND_THE_END = "Wanted range starting at"  # obstore's own words, where a server sent the whole
_NO_BUCKET = {"NoSuchBucket", "ContainerNotFound"}
_WRONG = {"InvalidAccessKeyId", "SignatureDoesNotMatch", "AccessDenied", *_NO_BUCKET}
_REASON_LENGTH = 200


class EmptyRange(Exception):
    """The store says that the range asked for holds no byte."""


@contextmanager
def failures(label: str, key: str = "", *, writing: bool = False) -> Iterator[None]:
    """Name every error of obstore that comes out of the block, about ``key`` if there is one.

    Who is ``writing`` does not look for a blob: what is not there then is the bucket or an upload.
    """
    try:
        yield
    except FileNotFoundError as error:
        if any(code in str(error) for code in _NO_BUCKET):
            raise StoreMisconfigured(label, "there is no such bucket") from error
        if writing:
            raise StoreUnavailable(label, "has lost the upload, or the bucket") from error
        raise BlobNotFound(key) from error
    except AlreadyExistsError as error:
        raise BlobExists(key) from error
    except BaseError as error:
        raise _named(label, error) from error


def _named(label: str, error: BaseError) -> Exception:
    text = str(error)
    status = _first(_STATUS, text)
    code = _first(_CODE, text)
    if status == "416" or _BEHIND_THE_END in text:
        return EmptyRange()
    if status == "507" or code in _FULL:
        return StoreFull(label, code or "no room")
    denied = isinstance(error, PermissionDeniedError | UnauthenticatedError)
    if denied or status in {"401", "403"} or code in _WRONG:
        return StoreMisconfigured(label, code or "access denied")
    return _unavailable(label, text, status, code)


def _unavailable(label: str, text: str, status: str, code: str) -> BlobFailure:
    if status:
        return StoreUnavailable(label, f"answered {status} {code}".strip())
    if "kind: Timeout" in text:
        return StoreUnavailable(label, "did not answer in time")
    if "kind: Connect" in text:
        return StoreUnavailable(label, "cannot be reached")
    return StoreUnavailable(label, text.partition("\n")[0][:_REASON_LENGTH])


def _first(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return found[1] if found else ""
