"""Stacks of these tests; each lives in a directory of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local import Stack
from deploy.local.control import reset
from deploy.local.home import Home


@pytest.fixture(scope="package")
def servers() -> Iterator[Stack]:
    """Running servers that tests may look at, but neither stop nor kill."""
    with Stack.temporary() as stack:
        yield stack


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    """A directory for a stack, closed to other users; what the stack made is deleted afterwards."""
    yield tmp_path
    reset(Home.of(tmp_path))
