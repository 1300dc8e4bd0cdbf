"""What must be true of a file for a call to happen (RFC 9110 §13.1)."""

from libs.contracts.storage import Expectation
from services.storage.domain.errors import PreconditionFailed

ANYTHING = Expectation()
"""Expects nothing: any state will do."""


def check_expectation(expect: Expectation, path: str, present: str | None) -> None:
    """Raise ``PreconditionFailed`` unless ``present``, the file's digest, is as expected."""
    if expect.absent and present is not None:
        raise PreconditionFailed(f"{path!r} exists", path=path)
    if expect.any_of is None:
        return
    if present is None:
        raise PreconditionFailed(f"{path!r} does not exist", path=path)
    if expect.any_of and present not in expect.any_of:
        raise PreconditionFailed(f"{path!r} has other content", path=path)
