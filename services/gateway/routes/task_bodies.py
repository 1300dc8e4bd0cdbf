"""What callers send about tasks."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct, field

from libs.contracts.progress import (
    Json,
    LogLevel,
    Priority,
    QueueName,
    ShortText,
    TaskKind,
    TaskProgressNow,
)
from libs.contracts.values import ByteCount
from services.gateway.domain.failures import InvalidInput


class NewTask(Struct, frozen=True, forbid_unknown_fields=True):
    kind: TaskKind
    title: ShortText = ""
    queue: QueueName | None = None
    """Absent: your program runs it and reports here."""
    priority: Priority = "normal"
    max_attempts: Annotated[int, Meta(ge=1, le=100)] = 3
    args: Json = field(default_factory=dict)


class Report(Struct, frozen=True, forbid_unknown_fields=True):
    """What is absent stays as it was. Give ``progress``, or ``done`` of ``total``."""

    progress: Annotated[float, Meta(ge=0, le=1)] | None = None
    """From 0 to 1."""
    done: ByteCount | None = None
    total: ByteCount | None = None
    unit: Annotated[str, Meta(pattern="^(bytes|items|percent)$")] | None = None
    current_step: ShortText | None = None
    message: ShortText | None = None
    detail: Json | None = None
    attempt: Annotated[int, Meta(ge=1)] = 1

    def now(self) -> TaskProgressNow:
        """Return the report as the ledger takes it."""
        done, total, unit = self.done, self.total, self.unit
        if self.progress is not None:
            if done is not None or total is not None:
                raise InvalidInput("give progress, or done and total, not both", field="progress")
            done, total, unit = round(self.progress * 100), 100, "percent"
        return TaskProgressNow(
            done=done,
            total=total,
            unit=unit,  # type: ignore[arg-type]  # the pattern holds
            current_step=self.current_step,
            message=self.message,
            detail=self.detail,
        )


class Completion(Struct, frozen=True, forbid_unknown_fields=True):
    result: Json | None = None
    attempt: Annotated[int, Meta(ge=1)] = 1


class Failure(Struct, frozen=True, forbid_unknown_fields=True):
    message: ShortText = ""
    """Why, for people."""
    code: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9-]{0,60}$")] = "task-failed"
    """Why, for programs."""
    final: bool = False
    """Do not retry: trying again cannot help."""
    attempt: Annotated[int, Meta(ge=1)] = 1


class LogLine(Struct, frozen=True, forbid_unknown_fields=True):
    message: Annotated[str, Meta(max_length=4096)]
    level: LogLevel = "info"
    at: datetime | None = None
    """Now, if absent."""


class LogLines(Struct, frozen=True, forbid_unknown_fields=True):
    lines: Annotated[list[LogLine], Meta(min_length=1, max_length=1000)]
    attempt: Annotated[int, Meta(ge=1)] = 1
