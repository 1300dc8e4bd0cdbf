"""What trees of 100,000 files cost: `python -m bench.version_trees` prints a table."""

import time
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from random import Random
from statistics import median
from typing import TypeVar

from services.versioning.domain import tree
from services.versioning.domain.tree import Entry, Node, NodeId

FILES = 100_000
CHANGED = 10
ROUNDS = 20
WORDS = ("alpha", "beta", "report", "invoice", "module", "service", "config", "image", "release")
T = TypeVar("T")


def flat(number: int) -> str:
    return f"file-{number:06d}.txt"


def nested(number: int) -> str:
    return f"d{number // 100:04d}/f{number % 100:02d}.txt"


def digests(number: int) -> str:
    return sha256(str(number).encode()).hexdigest() + ".bin"


def deep(number: int) -> str:
    """Return a path of some 90 bytes, five folders deep, 37 files in a folder."""
    folder, file = Random(number // 37), Random(number)
    folders = "/".join("-".join(folder.sample(WORDS, 2)) for _ in range(3))
    name = "_".join(file.sample(WORDS, 2))
    return f"projects/{folders}/{number // 37:05d}/{name}_{file.randrange(10**6):06d}_{number}.json"


def entry(random: Random) -> Entry:
    return Entry(random.randbytes(32), random.randrange(5_000_000), "text/plain")


def timed(work: Callable[[], T]) -> tuple[float, T]:
    started = time.perf_counter()
    result = work()
    return time.perf_counter() - started, result


def measure(path: Callable[[int], str]) -> str:
    """Build one tree, edit and compare it, and return a row of the table."""
    random = Random(7)
    paths = sorted({path(number) for number in range(FILES)})
    entries = [(path, entry(random)) for path in paths]
    build_s, nodes = timed(lambda: list(tree.build(entries)))
    root = nodes[-1].node_id
    stored = {new.node_id: new.data for new in nodes}

    def read(node_ids: frozenset[NodeId]) -> Mapping[NodeId, Node]:
        return {node_id: tree.decode(node_id, stored[node_id]) for node_id in node_ids}

    def edits(changed: int) -> Iterator[tuple[float, int, float]]:
        for _ in range(ROUNDS):
            changes = {path: entry(random) for path in random.sample(paths, changed)}
            edit_s, edited = timed(lambda: tree.drive(tree.edit(root, changes), read))  # noqa: B023
            stored.update({node_id: new.data for node_id, new in edited.nodes.items()})
            diff_s, found = timed(lambda: tree.drive(tree.diff(root, edited.root), read))  # noqa: B023
            assert len(found.deltas) == changed
            yield edit_s, sum(len(new.data) for new in edited.nodes.values()), diff_s

    edit_s, added, diff_s = map(median, zip(*edits(CHANGED), strict=True))
    thousand_s = median(seconds for seconds, *_ in edits(1000))
    length = sum(map(len, paths)) / len(paths)
    cells = (
        f"{path.__name__}, {length:.0f} bytes",
        f"{build_s:.2f} s",
        f"{len(nodes):,}",
        f"{sum(len(new.data) for new in nodes) / 1e6:.1f} MB",
        f"{edit_s * 1000:.1f} ms",
        f"{added / 1024:.1f} KiB",
        f"{diff_s * 1000:.1f} ms",
        f"{thousand_s * 1000:.0f} ms",
    )
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    print(
        "| paths | build | nodes | stored | 10 changes | their bytes | their diff | 1,000 changes |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for path in (flat, nested, digests, deep):
        print(measure(path))
