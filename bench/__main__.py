"""``python -m bench [--quick] [case …]``: measure, print, and keep what a whole run found."""

import argparse
import os
import time
from collections.abc import Callable, Sequence

from bench import (
    cached_reads,
    encodings,
    history,
    large_files,
    listing,
    memory,
    moves,
    reactions,
    relay,
    requests,
    small_files,
    tus,
    version_trees,
    versions_visible,
)
from bench.figures import Figure
from bench.report import machine, missed, report, save, table, tree_table
from bench.scene import Scene, started
from bench.version_trees import TreeCost

# Memory first, while nothing has been used; the largest files last.
CASES: dict[str, Callable[[Scene], list[Figure]]] = {
    "memory": memory.run,
    "versions": versions_visible.run,
    "small": small_files.run,
    "cached": cached_reads.run,
    "requests": requests.run,
    "relay": relay.run,
    "reactions": reactions.run,
    "encodings": encodings.run,
    "listing": listing.run,
    "moves": moves.run,
    "history": history.run,
    "tus": tus.run,
    "large": large_files.run,
}
TREES = "trees"


def main() -> None:
    """Run what the command line names; a missed target is a finding, not a failure."""
    arguments = _arguments()
    chosen: Sequence[str] = arguments.cases or [*CASES, TREES]
    before = machine()
    trees = _trees(chosen, quick=arguments.quick)
    figures = _figures([name for name in CASES if name in chosen], quick=arguments.quick)
    print(f"\n{table(figures)}\n\n{missed(figures)}")
    if trees:
        print(f"\n{tree_table(trees)}")
    if arguments.save or (not arguments.cases and not arguments.quick):
        print(f"\nwritten: {save(report(before, figures, trees), arguments.cases)}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("cases", nargs="*", metavar="case", help=", ".join([*CASES, TREES]))
    parser.add_argument(
        "--quick",
        action="store_true",
        default=os.environ.get("BENCH_QUICK", "") not in ("", "0"),
        help="small sizes, to try the bench itself out (or BENCH_QUICK=1)",
    )
    parser.add_argument("--save", action="store_true", help="keep what some cases found, too")
    arguments = parser.parse_args()
    if unknown := set(arguments.cases) - {*CASES, TREES}:
        parser.error(f"no such case: {', '.join(sorted(unknown))}")
    return arguments


def _trees(chosen: Sequence[str], *, quick: bool) -> list[TreeCost]:
    if TREES not in chosen:
        return []
    _say("version trees")
    return version_trees.run(quick=quick)


def _figures(names: Sequence[str], *, quick: bool) -> list[Figure]:
    if not names:
        return []
    _say("starting the platform")
    figures = []
    with started(quick=quick) as scene:
        for name in names:
            _say(name)
            found = CASES[name](scene)
            figures += found
            for figure in found:
                _say(f"  {figure.case}: {figure.figure}")
    return figures


def _say(what: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {what}", flush=True)


if __name__ == "__main__":
    main()
