"""How much a task may hold, and what PostgreSQL can store."""

from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import Struct

from libs.contracts.progress import TaskLog
from services.progress.domain.failures import TaskTooLarge

LARGEST_COUNT = 2**63 - 1


class Limits(Struct, frozen=True, kw_only=True):
    """How much a task may hold."""

    json_bytes: int
    log_lines: int

    def check(self, **parts: Any) -> None:
        """Refuse, by name, a part whose JSON is too large."""
        for name, part in parts.items():
            size = len(msgspec.json.encode(part))
            if size > self.json_bytes:
                raise TaskTooLarge(
                    f"{name} has {size} bytes, of which {self.json_bytes} are kept at most",
                    part=name,
                    limit_bytes=self.json_bytes,
                )


def text(given: str) -> str:
    """Return ``given`` without NUL, which a column of text cannot hold."""
    return given.replace("\0", "\N{REPLACEMENT CHARACTER}")


def count(given: int) -> int:
    """Return ``given``, or the largest number that a column holds."""
    return min(given, LARGEST_COUNT)


def line_time(line: TaskLog, now: datetime) -> datetime:
    """Return when a line was written: its own word, if that is a time that can be stored."""
    if not 1970 <= line.at.year < 9999:
        return now
    return line.at if line.at.tzinfo else line.at.replace(tzinfo=UTC)
