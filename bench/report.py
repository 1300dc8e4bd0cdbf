"""What a run found, as a table for people and as JSON for programs."""

import os
import platform
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import psutil
from msgspec import Struct

from bench.figures import Figure
from bench.version_trees import TreeCost

RESULTS = Path(__file__).parent / "results"
MET = {True: "yes", False: "**no**", None: ""}


class Machine(Struct, frozen=True, kw_only=True):
    """Where it was measured, and how busy others kept it."""

    processors: int
    memory_gb: float
    system: str
    python: str
    load_before: float
    """The load average of the last minute before the run; the run's own is not in it."""


class Report(Struct, frozen=True, kw_only=True):
    at: datetime
    commit: str
    machine: Machine
    figures: list[Figure]
    trees: list[TreeCost]


def machine() -> Machine:
    """Describe this machine as it is now."""
    return Machine(
        processors=os.cpu_count() or 0,
        memory_gb=round(psutil.virtual_memory().total / 1e9, 1),
        system=f"{platform.system()} {platform.machine()}",
        python=platform.python_version(),
        load_before=round(os.getloadavg()[0], 2),
    )


def report(before: Machine, figures: Sequence[Figure], trees: Sequence[TreeCost]) -> Report:
    """Put a run together, dated now."""
    return Report(
        at=datetime.now(UTC).replace(microsecond=0),
        commit=_commit(),
        machine=before,
        figures=list(figures),
        trees=list(trees),
    )


def save(found: Report, cases: Sequence[str] = ()) -> Path:
    """Write ``<date>.json``, in place of an earlier one of that day, and ``latest.md``.

    What only some ``cases`` found stands by itself, under their names.
    """
    RESULTS.mkdir(exist_ok=True)
    name = "-".join(cases)
    path = RESULTS / f"{name or format(found.at, '%Y-%m-%d')}.json"
    path.write_bytes(msgspec.json.format(msgspec.json.encode(found), indent=1) + b"\n")
    (RESULTS / f"{name or 'latest'}.md").write_text(as_markdown(found), encoding="utf-8")
    return path


def as_markdown(found: Report) -> str:
    """Return the whole run to read."""
    where = found.machine
    parts = [
        f"# Figures of {found.at:%Y-%m-%d %H:%M} UTC",
        f"Commit {found.commit}, {where.processors} processors, {where.memory_gb:g} GB, "
        f"{where.system}, Python {where.python}; load of others before the run: "
        f"{where.load_before:g}. `make bench` measures them again; [README.md](../README.md) "
        "tells what they mean.",
        table(found.figures),
        missed(found.figures),
    ]
    if found.trees:
        parts += [f"Version trees of {found.trees[0].files:,} files:", tree_table(found.trees)]
    return "\n\n".join(parts) + "\n"


def peers_report(before: Machine, figures: Sequence[Figure]) -> str:
    """Return a run beside others to read."""
    parts = [
        f"# Beside others, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        f"Commit {_commit()}, {before.processors} processors, {before.memory_gb:g} GB, "
        f"{before.system}, Python {before.python}; load of others before the run: "
        f"{before.load_before:g}. `make bench-peers` measures them again, all in one run and in "
        "turns; medians. Strongroom records, versions and announces each file; on `file` it also "
        "waits for the disk before it answers, which the others do not.",
        table(figures),
        missed(figures),
    ]
    return "\n\n".join(parts) + "\n"


def table(figures: Sequence[Figure]) -> str:
    rows = [(f.case, f.ours, f.reference, f.figure, f.target, MET[f.met]) for f in figures]
    return _table(("case", "ours", "reference", "ratio or figure", "target", "met"), rows)


def missed(figures: Sequence[Figure]) -> str:
    """Say in one paragraph which targets were missed."""
    names = [f"- {f.case}: {f.figure}, target {f.target}" for f in figures if f.met is False]
    return "\n".join(["Missed:", *names]) if names else "Every target is met."


def tree_table(trees: Sequence[TreeCost]) -> str:
    names = ("paths", "build", "nodes", "stored", "10 changes", "they store", "their diff")
    rows = [
        (
            f"{cost.paths}, {cost.path_bytes:.0f} bytes",
            f"{cost.build_s:.2f} s",
            f"{cost.nodes:,}",
            f"{cost.stored_bytes / 1e6:.1f} MB",
            f"{cost.edit_s * 1000:.1f} ms",
            f"{cost.edit_bytes / 1024:.1f} KiB",
            f"{cost.diff_s * 1000:.1f} ms",
            f"{cost.many_s * 1000:.0f} ms",
        )
        for cost in trees
    ]
    return _table((*names, "1,000 changes"), rows)


def _table(names: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [names, ["---"] * len(names), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _commit() -> str:
    asked = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        cwd=RESULTS.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    return asked.stdout.strip() or "unknown"
