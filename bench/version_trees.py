"""What trees of 100,000 files cost: pure computation, no servers."""

import time
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from random import Random
from statistics import median
from typing import TypeVar

from msgspec import Struct

from services.versioning.domain import tree
from services.versioning.domain.tree import Entry, Node, NodeId

CHANGED = 10
MANY = 1000
WORDS = ("alpha", "beta", "report", "invoice", "module", "service", "config", "image", "release")
T = TypeVar("T")


class TreeCost(Struct, frozen=True, kw_only=True):
    """Medians over several edits of one tree."""

    paths: str
    files: int
    path_bytes: float
    build_s: float
    nodes: int
    stored_bytes: int
    edit_s: float
    """Ten changed files in one commit."""
    edit_bytes: float
    """What that commit stores."""
    diff_s: float
    """Between the two commits."""
    many_s: float
    """A thousand changed files in one commit."""


def run(*, quick: bool = False) -> list[TreeCost]:
    """Measure trees of four kinds of paths."""
    files, rounds = (10_000, 3) if quick else (100_000, 20)
    return [measure(path, files, rounds) for path in (flat, nested, digests, deep)]


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


def measure(path: Callable[[int], str], files: int, rounds: int) -> TreeCost:
    """Build one tree, edit and compare it."""
    random = Random(7)
    paths = sorted({path(number) for number in range(files)})
    entries = [(path, entry(random)) for path in paths]
    build_s, nodes = timed(lambda: list(tree.build(entries)))
    root = nodes[-1].node_id
    stored = {new.node_id: new.data for new in nodes}

    def read(node_ids: frozenset[NodeId]) -> Mapping[NodeId, Node]:
        return {node_id: tree.decode(node_id, stored[node_id]) for node_id in node_ids}

    def edits(changed: int) -> Iterator[tuple[float, int, float]]:
        for _ in range(rounds):
            changes = {path: entry(random) for path in random.sample(paths, changed)}
            edit_s, edited = timed(lambda: tree.drive(tree.edit(root, changes), read))  # noqa: B023
            stored.update({node_id: new.data for node_id, new in edited.nodes.items()})
            diff_s, found = timed(lambda: tree.drive(tree.diff(root, edited.root), read))  # noqa: B023
            assert len(found.deltas) == changed
            yield edit_s, sum(len(new.data) for new in edited.nodes.values()), diff_s

    edit_s, edit_bytes, diff_s = map(median, zip(*edits(CHANGED), strict=True))
    return TreeCost(
        paths=path.__name__,
        files=files,
        path_bytes=sum(map(len, paths)) / len(paths),
        build_s=build_s,
        nodes=len(nodes),
        stored_bytes=sum(len(new.data) for new in nodes),
        edit_s=edit_s,
        edit_bytes=edit_bytes,
        diff_s=diff_s,
        many_s=median(seconds for seconds, *_ in edits(MANY)),
    )
