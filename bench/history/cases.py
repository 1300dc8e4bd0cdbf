"""What is measured of histories, layout by layout."""

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple
from urllib.parse import urlencode

from bench.apart import apart_async
from bench.figures import Figure, limit, ratio
from bench.history import planted, with_dvc, with_strongroom
from bench.history.layouts import LAYOUTS, Layout, chosen
from bench.history.with_dvc import DvcRepository
from bench.history.with_git import GitRepository, long_history
from bench.history.with_strongroom import Bucket
from bench.planting import plant
from bench.scene import Scene

CHANGED = 10
WORK = "work"
KIB = 1024


class Sizes(NamedTuple):
    files: int
    rounds: int
    grown: int
    """Commits over which growth is measured."""
    merged: int
    """Paths that each of two branches changes."""
    history: int
    """Commits of the long history."""
    dvc_rounds: int


FULL = Sizes(100_000, 10, 50, 1_000, 10_000, 2)
QUICK = Sizes(3_000, 2, 5, 50, 200, 1)


class Pair(NamedTuple):
    """The same files in both, and what names them."""

    name: str
    layout: Layout
    sizes: Sizes
    git: GitRepository
    bucket: Bucket
    digests: Sequence[str]
    """Bytes that storage has, so that commits can name them."""


def run(scene: Scene) -> list[Figure]:
    """Measure a repository of one folder, and one of ten thousand."""
    sizes = scene.sized(FULL, QUICK)
    figures: list[Figure] = []
    for name, layout in LAYOUTS.items():
        with tempfile.TemporaryDirectory() as folder:
            figures += _run_layout(scene, name, layout, sizes, Path(folder))
    return figures


def _run_layout(
    scene: Scene, name: str, layout: Layout, sizes: Sizes, folder: Path
) -> Iterator[Figure]:
    paths = sorted(layout(number) for number in range(sizes.files))
    bucket, digests = _planted(scene, f"history-{name}", sizes)
    git = GitRepository(folder / "git")
    pair = Pair(name, layout, sizes, git, bucket, digests)
    yield _import(pair, paths)
    yield from _commits(pair)
    yield _growth(scene, pair)
    yield from _questions(pair)
    yield from _merges(pair)
    if name != "nested":  # git takes minutes to make a long history of one large folder
        return
    yield _long_log(scene, pair)
    dvc = with_dvc.program()
    if dvc is not None:  # which takes minutes, too
        yield _dvc(DvcRepository(dvc, folder / "dvc"), pair, paths)


def _planted(scene: Scene, name: str, sizes: Sizes) -> tuple[Bucket, list[str]]:
    """Make a bucket whose storage has as many different bytes as there are files."""
    scene.make_bucket(name)
    database_url = scene.postgres.urls["storage"]
    apart_async(plant, database_url, name, [f"seed/{at:06}" for at in range(sizes.files)])
    scene.rest()
    digests = apart_async(planted.digests_of, database_url, name)
    return Bucket(scene.url, scene.admin_key, name), digests


def _import(pair: Pair, paths: Sequence[str]) -> Figure:
    files = list(zip(paths, pair.digests, strict=True))
    # Once on either side: a second time most of it would be there already.
    ours = apart_async(with_strongroom.import_all, pair.bucket, files, WORK)
    theirs = pair.git.first_commit(paths)
    return _times_faster(
        f"{_named(pair)} first commit of all paths, whose bytes are there (git add, commit)",
        [theirs],
        [ours],
        at_least=1.0,
    )


def _commits(pair: Pair) -> Iterator[Figure]:
    whole: list[float] = []
    alone: list[float] = []
    git: list[float] = []
    direct: list[float] = []
    for number in range(pair.sizes.rounds):
        paths = chosen(pair.layout, pair.sizes.files, CHANGED, number)
        git.append(pair.git.commit(paths, number + 1))
        times = apart_async(with_strongroom.commit_staged, pair.bucket, WORK, paths, number + 1)
        whole.append(times.whole_s)
        alone.append(times.commit_s)
        files = [(path, pair.digests[number]) for path in paths]
        direct.append(
            apart_async(with_strongroom.commit_digests, pair.bucket, WORK, files, "direct")
        )
    what = f"{_named(pair)} commit of {CHANGED} changed files"
    yield _times_faster(f"{what} (git add, commit)", git, direct, at_least=5.0)
    yield _milliseconds(what, direct, at_most=50.0)
    yield _milliseconds(f"{what}, staged before", alone, at_most=50.0)
    yield _times_faster(f"{what}, their upload included (git add, commit)", git, whole)


def _growth(scene: Scene, pair: Pair) -> Figure:
    superuser_url = scene.postgres.superuser_url
    before = apart_async(with_strongroom.table_bytes, superuser_url)
    for number in range(pair.sizes.grown):
        paths = chosen(pair.layout, pair.sizes.files, CHANGED, 1_000 + number)
        files = [(path, pair.digests[-1 - number]) for path in paths]
        apart_async(with_strongroom.commit_digests, pair.bucket, WORK, files, "growth")
    grown = apart_async(with_strongroom.table_bytes, superuser_url) - before
    return limit(
        f"{_named(pair)} growth of the tables by such a commit",
        [grown / pair.sizes.grown / KIB],
        "KiB",
        at_most=64.0,
        detail=f"over {pair.sizes.grown} commits",
    )


def _questions(pair: Pair) -> Iterator[Figure]:
    rounds = pair.sizes.rounds * 3
    query = urlencode({"from": f"{WORK}~1", "to": WORK, "limit": 1000})
    git = [pair.git.timed("diff", "--name-status", "HEAD~1", "HEAD") for _ in range(rounds)]
    diffs = apart_async(
        with_strongroom.ask_often,
        pair.bucket,
        [("GET", f"/diff?{query}", None)] * rounds,
        items=CHANGED,
    )
    what = f"{_named(pair)} diff of two commits with {CHANGED} changes"
    yield _milliseconds(what, diffs, at_most=20.0, beside=git)
    git = [pair.git.timed("branch", f"b{number}") for number in range(rounds)]
    branches = apart_async(
        with_strongroom.ask_often,
        pair.bucket,
        [("POST", "/branches", {"name": f"b{number}", "source": WORK}) for number in range(rounds)],
    )
    yield _milliseconds(f"{_named(pair)} a branch", branches, at_most=20.0, beside=git)


def _merges(pair: Pair) -> Iterator[Figure]:
    count = pair.sizes.merged
    ours: list[float] = []
    git: list[float] = []
    for number in range(3):
        half = pair.sizes.files // 2
        left = chosen(pair.layout, half, count, 2_000 + number)
        right = [path for path in _upper(pair, count, number) if path not in set(left)]
        git.append(pair.git.merge_of_two(left, right, 5_000 + 2 * number))
        ours.append(apart_async(_merge, pair.bucket, left, right, list(pair.digests), number))
    what = f"{_named(pair)} merge of two branches with {count:,} changes each"
    yield _milliseconds(what, ours, at_most=1_000.0, beside=git)


def _upper(pair: Pair, count: int, number: int) -> list[str]:
    """Return paths of the upper half, which no other branch changes."""
    half = pair.sizes.files // 2
    return chosen(lambda at: pair.layout(half + at), half, count, 3_000 + number)


async def _merge(
    bucket: Bucket, left: Sequence[str], right: Sequence[str], digests: Sequence[str], number: int
) -> float:
    ours, theirs = f"ours-{number}", f"theirs-{number}"
    for branch in (ours, theirs):
        await with_strongroom.ask_often(
            bucket, [("POST", "/branches", {"name": branch, "source": WORK})]
        )
    for branch, paths in ((ours, left), (theirs, right)):
        files = [(path, digests[-500 - number - at]) for at, path in enumerate(paths)]
        await with_strongroom.commit_digests(bucket, branch, files, "to be merged")
    (took,) = await with_strongroom.ask_often(
        bucket, [("POST", "/merges", {"from": theirs, "into": ours})]
    )
    return took


def _long_log(scene: Scene, pair: Pair) -> Figure:
    count = pair.sizes.history
    paths = chosen(pair.layout, pair.sizes.files, 1_000, 9)
    sought = paths[5]
    long_history(pair.git, paths, count)
    apart_async(
        planted.lengthen,
        scene.postgres.urls["versioning"],
        pair.bucket.name,
        WORK,
        [paths[number % len(paths)] for number in range(count)],
        pair.digests[:1_000],
    )
    scene.rest()
    rounds = pair.sizes.rounds * 2
    git = [pair.git.timed("log", "--format=%H %s", "--", sought) for _ in range(rounds)]
    query = urlencode({"ref": WORK, "path": sought})
    logs = apart_async(
        with_strongroom.ask_often, pair.bucket, [("GET", f"/commits?{query}", None)] * rounds
    )
    what = f"{_named(pair)} log of one path in {count:,} commits"
    return _milliseconds(what, logs, at_most=20.0, beside=git)


def _dvc(dvc: DvcRepository, pair: Pair, paths: Sequence[str]) -> Figure:
    dvc.commit(paths, 0)
    theirs: list[float] = []
    ours: list[float] = []
    for number in range(pair.sizes.dvc_rounds):
        changed = chosen(pair.layout, pair.sizes.files, CHANGED, 4_000 + number)
        theirs.append(dvc.commit(changed, 4_000 + number))
        times = apart_async(
            with_strongroom.commit_staged, pair.bucket, WORK, changed, 4_000 + number
        )
        ours.append(times.whole_s)
    what = f"{_named(pair)} commit of {CHANGED} changed files, their upload included (dvc add)"
    return _times_faster(what, theirs, ours)


def _named(pair: Pair) -> str:
    return f"history, {pair.sizes.files:,} files {pair.name}:"


def _times_faster(
    case: str, theirs: Sequence[float], ours: Sequence[float], *, at_least: float | None = None
) -> Figure:
    """Compare by rates: how many times faster ours is."""
    return ratio(
        case,
        [1 / seconds for seconds in ours],
        [1 / seconds for seconds in theirs],
        "/s",
        at_least=at_least,
    )


def _milliseconds(
    case: str, ours: Sequence[float], *, at_most: float, beside: Sequence[float] = ()
) -> Figure:
    """Hold the median against a limit; tell what git took beside it."""
    detail = f"git {median(beside) * 1000:.1f} ms" if beside else ""
    return limit(
        case,
        [seconds * 1000 for seconds in ours],
        "ms",
        at_most=at_most,
        statistic=median,
        detail=detail,
    )
