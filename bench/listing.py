"""Pages of a bucket with a million files, as storage asks PostgreSQL for them."""

import time
from statistics import median
from uuid import UUID

from bench.apart import apart_async
from bench.figures import Figure, limit
from bench.planting import plant
from bench.scene import Scene
from libs.chassis.database import Database
from libs.contracts.storage import ListFiles
from libs.contracts.values import Labels
from services.storage.repository.listings import list_files

PAGE = 1000
PER_FOLDER = 1000
TAG_EVERY = 20
PAGE_WITHIN_MS = 10.0
"""What is asked of a page of files; one of folders takes a step through the index for each."""


def run(scene: Scene) -> list[Figure]:
    """Take turns with the pages, so that a slow moment of the machine hits all of them."""
    rounds, files = scene.sized((60, 1_000_000), (5, 50_000))
    bucket = scene.make_bucket("listing")
    database_url = scene.postgres.urls["storage"]
    paths = [path_of(number) for number in range(files)]
    bucket_id = apart_async(plant, database_url, bucket, paths, TAG_EVERY)
    scene.rest()
    measured = apart_async(ask_for_pages, database_url, bucket, bucket_id, files, rounds)
    return [
        limit(
            f"listing: {what}",
            milliseconds,
            "ms",
            at_most=PAGE_WITHIN_MS if "page" in what else None,
            statistic=median,
            detail=f"{PAGE:,} of {files:,} files",
        )
        for what, milliseconds in measured.items()
    ]


def path_of(number: int) -> str:
    """Return paths of some 40 bytes, a thousand in a folder."""
    return f"projects/{number // PER_FOLDER:04}/reports/file-{number:07}.bin"


async def ask_for_pages(
    database_url: str, bucket: str, bucket_id: UUID, files: int, rounds: int
) -> dict[str, list[float]]:
    """Return how long each kind of page took, in milliseconds: SQL, and reading its rows."""
    last = path_of(files - PAGE - 1)
    middle = path_of(files // 2)
    tagged: Labels = {"every": str(TAG_EVERY)}
    wishes = {
        "first page": ListFiles(bucket=bucket),
        "page in the middle": ListFiles(bucket=bucket, start_after=middle),
        "last page": ListFiles(bucket=bucket, start_after=last),
        "last page of a prefix": ListFiles(bucket=bucket, prefix="projects/", start_after=last),
        "folders of a prefix": ListFiles(bucket=bucket, prefix="projects/", delimiter="/"),
        "first page with a tag": ListFiles(bucket=bucket, tags=tagged),
        "last page with a tag": ListFiles(
            bucket=bucket, start_after=path_of(files - PAGE * TAG_EVERY - 1), tags=tagged
        ),
    }
    measured: dict[str, list[float]] = {what: [] for what in wishes}
    async with Database(database_url, pool_size=2) as database, database.connection() as conn:
        for turn in range(rounds + 1):
            for what, wish in wishes.items():
                began = time.perf_counter()
                await list_files(conn, bucket_id, wish, limit=PAGE)
                if turn:  # the first plans each statement
                    measured[what].append((time.perf_counter() - began) * 1000)
    return measured
