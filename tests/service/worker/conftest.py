import pytest

from tests.service.worker.jobs import Diary


@pytest.fixture
def diary() -> Diary:
    """What the jobs of one test did."""
    return Diary()
