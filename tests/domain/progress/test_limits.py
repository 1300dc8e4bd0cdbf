from datetime import UTC, datetime

import pytest

from libs.contracts.progress import TaskLog
from services.progress.domain.failures import TaskTooLarge
from services.progress.domain.limits import Limits, line_time
from tests.domain.progress.builders import NOW

LIMITS = Limits(json_bytes=100, log_lines=10)


def test_a_part_that_is_too_large_is_named() -> None:
    with pytest.raises(TaskTooLarge) as refused:
        LIMITS.check(args={"small": 1}, result={"large": "x" * 100})

    assert refused.value.fields == {"part": "result", "limit_bytes": 100}


def test_what_fits_passes() -> None:
    LIMITS.check(args={"a": "x" * 80}, checkpoint=None)


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        (datetime(2026, 1, 2, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)),
        (datetime(2026, 1, 2), datetime(2026, 1, 2, tzinfo=UTC)),
        (datetime(1, 1, 1), NOW),
        (datetime(9999, 12, 31), NOW),
    ],
)
def test_a_line_keeps_its_time_if_it_can_be_kept(written: datetime, kept: datetime) -> None:
    line = TaskLog(level="info", message="hello", at=written)

    assert line_time(line, NOW) == kept
