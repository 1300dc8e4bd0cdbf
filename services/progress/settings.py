"""What the ledger is told."""

from datetime import timedelta
from typing import Annotated

from msgspec import Meta

from libs.chassis.settings import ServiceSettings
from services.progress.domain.limits import Limits
from services.progress.domain.pace import Pace

Seconds = Annotated[float, Meta(gt=0)]


class Settings(ServiceSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Read from ``STRONGROOM_PROGRESS_*``."""

    lease_s: Seconds = 14.0
    """A worker that is silent for this long is lost; with the ledger's round that makes 15 s."""

    retry_first_pause_s: Seconds = 1.0
    """The pause after the first failed attempt; each one after is four times as long."""

    retry_longest_pause_s: Seconds = 300.0
    """Pauses between attempts grow up to this."""

    unclaimed_after_s: Seconds = 30.0
    """Work that nobody claimed for this long is dispatched again, then after ever longer pauses."""

    unclaimed_longest_s: Seconds = 900.0
    """Pauses between dispatches of unclaimed work grow up to this."""

    external_stop_s: Seconds = 60.0
    """An external program that does not answer a cancellation for this long is cancelled for it."""

    largest_json_bytes: Annotated[int, Meta(ge=1024, le=262_144)] = 65_536
    """Arguments, detail, checkpoint and result of a task may each be this large."""

    log_lines: Annotated[int, Meta(ge=10, le=1_000_000)] = 5_000
    """A task keeps this many of its newest log lines."""

    round_interval_s: Seconds = 1.0
    """How often lost workers and due retries are looked for."""

    count_interval_s: Seconds = 15.0
    """How often the counts of tasks are measured."""

    def pace(self) -> Pace:
        """Return the times that decide about tasks."""
        return Pace(
            lease=timedelta(seconds=self.lease_s),
            retry_first=timedelta(seconds=self.retry_first_pause_s),
            retry_longest=timedelta(seconds=self.retry_longest_pause_s),
            unclaimed_first=timedelta(seconds=self.unclaimed_after_s),
            unclaimed_longest=timedelta(seconds=self.unclaimed_longest_s),
            external_stop=timedelta(seconds=self.external_stop_s),
        )

    def limits(self) -> Limits:
        """Return how much a task may hold."""
        return Limits(json_bytes=self.largest_json_bytes, log_lines=self.log_lines)
