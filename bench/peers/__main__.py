"""``python -m bench.peers [--quick]``: Strongroom beside copyparty and MLflow, in turns."""

import argparse
from collections.abc import Sequence
from statistics import median
from typing import NamedTuple

from bench.apart import apart_async
from bench.bodies import MIB
from bench.figures import Figure
from bench.peers import load
from bench.peers.servers import Server, all_servers
from bench.report import RESULTS, machine, peers_report, table

FILE, S3 = "strongroom, file", "strongroom, s3"


class Sizes(NamedTuple):
    rounds: int
    large_bytes: int
    small_files: int


FULL = Sizes(3, 256 * MIB, 2000)
QUICK = Sizes(1, 32 * MIB, 200)

Measured = dict[str, dict[str, list[float]]]
"""Rates by case and server."""


def main() -> None:
    """Measure every server in each round, and compare with the better peer."""
    parser = argparse.ArgumentParser(prog="python -m bench.peers", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes, to try it out")
    arguments = parser.parse_args()
    sizes = QUICK if arguments.quick else FULL
    before = machine()
    with all_servers(quick=arguments.quick) as servers:
        measured = measure(servers, sizes)
    figures = compare(measured)
    print(f"\n{table(figures)}")
    if not arguments.quick:
        (RESULTS / "peers.md").write_text(peers_report(before, figures), encoding="utf-8")


def measure(servers: Sequence[Server], sizes: Sizes) -> Measured:
    """Return what each server did, each round in another order."""
    large = f"{sizes.large_bytes // MIB} MiB"
    small = f"{sizes.small_files:,} × {load.SMALL_BYTES // 1024} KiB"
    measured: Measured = {}

    def note(case: str, server: Server, rate: float) -> None:
        measured.setdefault(case, {}).setdefault(server.name, []).append(rate)
        print(f"{case}, {server.name}: {rate:,.0f}", flush=True)

    for number in range(sizes.rounds):
        turn = [*servers[number % len(servers) :], *servers[: number % len(servers)]]
        for server in turn:
            path, size = f"large-{number}.bin", sizes.large_bytes
            up = apart_async(load.put_large, server, path, size)
            note(f"{large} upload, MiB/s", server, up)
            down = apart_async(load.get_large, server, path, size)
            note(f"{large} download, MiB/s", server, down)
        for server in turn:
            prefix, count = f"small-{number}", sizes.small_files
            puts = apart_async(load.put_small, server, prefix, count)
            note(f"{small} upload, files/s", server, puts)
            gets = apart_async(load.get_small, server, prefix, count)
            note(f"{small} download, files/s", server, gets)
    return measured


def compare(measured: Measured) -> list[Figure]:
    """Hold both of ours against the better peer, by medians."""
    figures = []
    for case, rates in measured.items():
        middle = {server: median(found) for server, found in rates.items()}
        peers = {server: rate for server, rate in middle.items() if server not in (FILE, S3)}
        best = max(peers, key=peers.__getitem__)
        for ours, least in ((FILE, 1.5), (S3, 1.0)):
            ratio = middle[ours] / middle[best]
            figures.append(
                Figure(
                    case=f"{case}: {ours}",
                    ours=f"{middle[ours]:,.0f}",
                    reference=" · ".join(f"{name} {rate:,.0f}" for name, rate in peers.items()),
                    figure=f"{ratio:.2f}× {best}",
                    target=f"≥ {least:g}×" if least > 1 else "> 1×",
                    met=ratio >= least if least > 1 else ratio > least,
                    samples=rates,
                )
            )
    return figures


if __name__ == "__main__":
    main()
