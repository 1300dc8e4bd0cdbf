"""The files whose history is kept: how they are named, and what is in them."""

from collections.abc import Callable
from pathlib import Path
from random import Random

FILE_BYTES = 200
Layout = Callable[[int], str]


def flat(number: int) -> str:
    """Return a path of a repository that has one folder."""
    return f"file-{number:06}.txt"


def nested(number: int) -> str:
    """Return a path of a repository with a hundred files in a folder, and a hundred folders."""
    return f"d{number // 10_000:02}/e{number // 100 % 100:02}/file-{number:06}.txt"


LAYOUTS: dict[str, Layout] = {"flat": flat, "nested": nested}


def content(path: str, edition: int) -> bytes:
    """Return what a file holds in one of its editions: lines of text, unlike any other's."""
    line = f"{path}, edition {edition}\n".encode()
    return (line * (FILE_BYTES // len(line) + 1))[:FILE_BYTES]


def chosen(layout: Layout, files: int, count: int, seed: int) -> list[str]:
    """Return some of the paths, the same ones for the same seed."""
    return sorted(layout(number) for number in Random(seed).sample(range(files), count))


def write(folder: Path, paths: list[str], edition: int) -> None:
    """Write this edition of the files below ``folder``."""
    for path in paths:
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content(path, edition))
