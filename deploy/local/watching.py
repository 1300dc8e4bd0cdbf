"""What each process looks like now: state, memory, uptime, restarts and its last log line."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import psutil

from deploy.local.home import Home
from deploy.local.readiness import last_lines
from deploy.local.supervisor import Process


@dataclass(frozen=True, kw_only=True)
class Row:
    """One process as people see it."""

    name: str
    state: str
    pid: int | None
    port: int | None
    memory_bytes: int
    uptime_s: float
    restarts: int
    last_line: str


@dataclass
class Watch:
    """Looks at the processes again and again, and counts how often each was started anew."""

    home: Home
    ports: dict[str, int]
    restarts: dict[str, int] = field(default_factory=dict)
    _seen: dict[str, int] = field(default_factory=dict)

    def look(self, processes: Sequence[Process]) -> list[Row]:
        """Return one row for each process, servers first."""
        ordered = sorted(processes, key=lambda process: process.group)
        return [self._row(process) for process in ordered]

    def _row(self, process: Process) -> Row:
        self._count(process)
        return Row(
            name=process.name,
            state=process.state,
            pid=process.pid,
            port=port_of(process.name, self.ports),
            memory_bytes=memory_of(process.pid) if process.pid else 0,
            uptime_s=max(0.0, time.time() - process.started_at) if process.pid else 0.0,
            restarts=self.restarts.get(process.name, 0),
            last_line=next(iter(last_lines(self.home, process.name, 1)), ""),
        )

    def _count(self, process: Process) -> None:
        if process.pid is None:
            return
        before = self._seen.get(process.name)
        if before is not None and before != process.pid:
            self.restarts[process.name] = self.restarts.get(process.name, 0) + 1
        self._seen[process.name] = process.pid


def port_of(name: str, ports: dict[str, int]) -> int | None:
    """Return the port that people would use: the service's own, else its health port."""
    for key in (name, f"{name}.{name}", f"{name}.health"):
        if key in ports:
            return ports[key]
    return None


def memory_of(pid: int) -> int:
    """Return what a process and its children hold, memory that they share counted once."""
    try:
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
    except psutil.Error:
        return 0
    return sum(_own_memory(member) for member in family)


def _own_memory(process: psutil.Process) -> int:
    try:
        full = process.memory_full_info()
        return int(getattr(full, "pss", 0) or full.rss)
    except psutil.AccessDenied:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0
