"""Directories of this machine and prefixes of a bucket, laid upon each other."""

import os
from collections.abc import Iterable
from pathlib import Path

from msgspec import Struct

from libs.client.digests import sha256_of
from libs.client.failures import ClientFailure
from libs.client.files import ListedFile


class LocalFile(Struct, frozen=True):
    """A file that is or will be on this machine; ``name`` is relative, with slashes."""

    name: str
    path: Path
    size: int


class Tree(Struct, frozen=True):
    """What lies below a directory."""

    files: list[LocalFile]
    left_out: list[str]
    """What is no regular file, cannot be read, or has a name that is no UTF-8."""

    @property
    def size(self) -> int:
        """Return the sum of the files' sizes."""
        return sum(file.size for file in self.files)


def walk(directory: Path, skip: Iterable[str] = ()) -> Tree:
    """Return the files below ``directory``, sorted; directories named in ``skip`` are not entered.

    A link to a file counts as the file, a link to a directory is not followed.
    """
    skipped = frozenset(skip)
    names = []
    for root, directories, files in os.walk(directory):
        directories[:] = sorted(each for each in directories if each not in skipped)
        names += [Path(root, file).relative_to(directory).as_posix() for file in files]
    return tree_of(directory, names)


def tree_of(directory: Path, names: Iterable[str]) -> Tree:
    """Return the tree of these ``names`` below ``directory``."""
    files: list[LocalFile] = []
    left_out: list[str] = []
    for name in sorted(names):
        path = directory / name
        if _is_utf8(name) and path.is_file() and os.access(path, os.R_OK):
            files.append(LocalFile(name, path, path.stat().st_size))
        else:
            left_out.append(name)
    return Tree(files, left_out)


def same(file: LocalFile, known: ListedFile | None) -> bool:
    """Tell whether ``known`` has this file's content; reads the file only if the sizes agree."""
    return known is not None and known.size == file.size and known.sha256 == sha256_of(file.path)


def below(directory: Path, name: str) -> Path:
    """Return where ``name`` belongs below ``directory``; raises rather than leave it."""
    parts = name.split("/")
    if any(part in ("", ".", "..") or "\\" in part or "\0" in part for part in parts):
        raise ClientFailure(f"{name!r} is no name for a file below {directory}")
    return directory.joinpath(*parts)


def joined(prefix: str, name: str) -> str:
    """Return the path of ``name`` below ``prefix``."""
    return f"{prefix.rstrip('/')}/{name}" if prefix else name


def _is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
