"""What processes hold in memory, as the kernel counts it."""

import threading
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple, Self

import psutil

MB = 1_000_000


class Watch:
    """Looks at one process's RSS every few milliseconds while the block runs."""

    def __init__(self, pid: int, *, every_s: float = 0.02) -> None:
        self._process = psutil.Process(pid)
        self._every_s = every_s
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self.most_mb = 0.0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._ended.wait(self._every_s):
            self.most_mb = max(self.most_mb, self._process.memory_info().rss / MB)


class Held(NamedTuple):
    """Megabytes of one program with its children."""

    rss: float
    pss: float
    """Pages that several processes share count once in the sum over them."""


def held_by(programs: dict[int, str], root: int) -> dict[str, Held]:
    """Return what ``programs``, by process id, and everything else below ``root`` hold."""
    sums: dict[str, list[Held]] = defaultdict(list)
    for process in psutil.Process(root).children(recursive=True):
        sums[_program_of(process, programs)].append(_held(process))
    return {
        name: Held(sum(h.rss for h in held), sum(h.pss for h in held))
        for name, held in sums.items()
    }


def _program_of(process: psutil.Process, programs: dict[int, str]) -> str:
    for candidate in (process, *process.parents()):
        if candidate.pid in programs:
            return programs[candidate.pid]
    return "supervisor"


def _held(process: psutil.Process) -> Held:
    rss = process.memory_info().rss / MB
    try:
        lines = Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines()
    except OSError:  # another user's process, or no Linux: RSS counts shared pages too often
        return Held(rss, rss)
    kilobytes = {line.split()[0]: int(line.split()[1]) for line in lines[1:]}
    return Held(rss, kilobytes["Pss:"] * 1024 / MB)
