"""Progress bars, on stderr; without a terminal they are silent."""

import time
from types import TracebackType
from typing import Self

from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.text import Text

from libs.client.cli.output import counted, human_size, messages, printable
from libs.contracts.progress import TaskInfo


class _Bar:
    """A bar that is drawn inside its block and leaves nothing behind."""

    def __init__(self, *columns: ProgressColumn) -> None:
        self._bar = Progress(
            *columns, console=messages(), transient=True, disable=not messages().is_terminal
        )

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._bar.stop()


class CountBar(_Bar):
    """Files that are gone through without moving bytes; counts them also when nobody sees it."""

    def __init__(self, title: str, *, files: int) -> None:
        super().__init__(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("files"),
            TimeRemainingColumn(),
        )
        self.files = 0
        self._row = self._bar.add_task(title, total=files)

    def on_batch(self, count: int) -> None:
        """Count files that are done."""
        self.files += count
        self._bar.advance(self._row, count)


class TransferBar(_Bar):
    """Bytes and files of one transfer; counts them also when nobody sees it."""

    def __init__(self, title: str, *, files: int, size: int) -> None:
        self.files = 0
        self.skipped = 0
        self.bytes = 0
        self._began = time.monotonic()
        super().__init__(
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TextColumn("{task.fields[files]}/{task.fields[of]} files"),
            TimeRemainingColumn(),
        )
        self._row = self._bar.add_task(title, total=size, files=0, of=files)

    def on_bytes(self, count: int) -> None:
        """Count bytes that moved, or that will move again."""
        self.bytes += count
        self._bar.advance(self._row, count)

    def done(self) -> None:
        """Count a file that is where it belongs."""
        self.files += 1
        self._show_files()

    def skip(self, count: int) -> None:
        """Count a file that was there already."""
        self.skipped += 1
        self._bar.advance(self._row, count)
        self._show_files()

    def summary(self, verb: str) -> str:
        """Return what was done in one line."""
        seconds = max(time.monotonic() - self._began, 1e-9)
        line = f"{verb} {counted(self.files, 'file')}, {human_size(self.bytes)} in {seconds:.1f} s"
        line += f" ({human_size(int(self.bytes / seconds))}/s)"
        return line + (f", {self.skipped} unchanged" if self.skipped else "")

    def _show_files(self) -> None:
        self._bar.update(self._row, files=self.files + self.skipped)


class TaskBar(_Bar):
    """A task of the platform, drawn as it is reported."""

    def __init__(self) -> None:
        super().__init__(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            _Amount(),
            TimeElapsedColumn(),
        )
        self.visible = not self._bar.disable
        self._row = self._bar.add_task("", total=None, unit="")

    def show(self, task: TaskInfo) -> None:
        """Draw the task as it is now."""
        step = task.message or task.current_step or task.state
        self._bar.update(
            self._row,
            description=printable(f"{task.title or task.kind} · {step}"),
            total=task.total,
            completed=task.done,
            unit=task.unit,
        )


class _Amount(ProgressColumn):
    """How much of how much, in the task's own unit."""

    def __init__(self) -> None:
        super().__init__()
        self._bytes = DownloadColumn()
        self._items = MofNCompleteColumn()

    def render(self, task: Task) -> Text:
        """Return the column of one row."""
        if task.fields.get("unit") == "bytes":
            return self._bytes.render(task)
        return self._items.render(task) if task.fields.get("unit") == "items" else Text("")


class StepBar(_Bar):
    """Steps of known or unknown number, with a word beside them."""

    def __init__(self, title: str, *, unit: str, of: int | None = None) -> None:
        super().__init__(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn(f"{unit} {{task.fields[beside]}}"),
            TimeElapsedColumn(),
        )
        self._row = self._bar.add_task(title, total=of, beside="")

    def show(self, done: int, beside: str = "") -> None:
        """Draw how far it is."""
        self._bar.update(self._row, completed=done, beside=beside)
