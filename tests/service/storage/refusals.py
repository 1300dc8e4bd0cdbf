"""Expecting a problem by its name."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from libs.contracts.problems import AnsweredWithProblem


@contextmanager
def refused_as(code: str, **fields: object) -> Iterator[None]:
    """Expect the block to be answered with the problem ``code`` and, at least, ``fields``."""
    with pytest.raises(AnsweredWithProblem) as refused:
        yield
    details = refused.value.details()
    assert details.code == code, details
    assert details.fields.items() >= fields.items(), details
