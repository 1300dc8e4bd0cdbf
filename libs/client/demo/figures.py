"""What each step of the demonstration took."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from libs.client.cli.output import human_size, print_table


@dataclass
class Step:
    """One step; ``bytes`` that moved over HTTP, or that it stands for."""

    name: str
    files: int = 0
    bytes: int = 0
    seconds: float = 0.0

    def row(self) -> tuple[object, ...]:
        """Return the step as a row of the table."""
        took = max(self.seconds, 1e-9)
        return (
            self.name,
            f"{self.files:,}" if self.files else "",
            human_size(self.bytes) if self.bytes else "",
            f"{self.seconds:.2f}",
            f"{self.files / took:,.0f}" if self.files else "",
            f"{human_size(int(self.bytes / took))}/s" if self.bytes else "",
        )


class Figures:
    """All steps in their order."""

    def __init__(self) -> None:
        self.steps: list[Step] = []

    @contextmanager
    def step(self, name: str) -> Iterator[Step]:
        """Measure what happens inside."""
        step = Step(name)
        self.steps.append(step)
        began = time.perf_counter()
        try:
            yield step
        finally:
            step.seconds = time.perf_counter() - began

    def print(self) -> None:
        """Print the table."""
        headings = ("step", ">files", ">bytes", ">seconds", ">files/s", ">rate")
        print_table(headings, (step.row() for step in self.steps))
