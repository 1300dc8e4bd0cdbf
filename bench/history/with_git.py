"""What git takes for it, as somebody at a prompt would ask it."""

import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.history.layouts import write

ANN = "Ann <ann@example.org>"


class GitRepository:
    """A repository with its files in a folder; every measure is of git's commands alone."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        self._environment = os.environ | {
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_AUTHOR_NAME": "Ann",
            "GIT_AUTHOR_EMAIL": "ann@example.org",
            "GIT_COMMITTER_NAME": "Ann",
            "GIT_COMMITTER_EMAIL": "ann@example.org",
        }
        self.ask("init", "-q", "-b", "main")
        # Housekeeping of its own time; it would only slow git down in between.
        self.ask("config", "gc.auto", "0")

    def ask(self, *arguments: str, given: bytes = b"") -> str:
        """Run one command of git; return what it prints."""
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.folder,
            env=self._environment,
            input=given,
            capture_output=True,
            check=False,
        )
        if done.returncode != 0:
            raise RuntimeError(f"git {arguments[0]}: {done.stderr.decode(errors='replace')}")
        return done.stdout.decode()

    def timed(self, *arguments: str) -> float:
        """Return how long one command takes, in seconds."""
        began = time.perf_counter()
        self.ask(*arguments)
        return time.perf_counter() - began

    def first_commit(self, paths: Sequence[str]) -> float:
        """Write all files; return how long adding and committing them takes."""
        write(self.folder, list(paths), 0)
        return self.timed("add", "--all") + self.timed("commit", "-q", "-m", "first")

    def commit(self, paths: Sequence[str], edition: int) -> float:
        """Write some files anew; return how long adding and committing them takes."""
        write(self.folder, list(paths), edition)
        added = self.timed("add", "--", *paths)
        return added + self.timed("commit", "-q", "-m", f"edition {edition}")

    def merge_of_two(self, ours: Sequence[str], theirs: Sequence[str], edition: int) -> float:
        """Change different files on two branches; return how long their merge takes."""
        head = self.ask("rev-parse", "HEAD").strip()
        self.ask("checkout", "-q", "-B", "theirs", head)
        self.commit(theirs, edition)
        self.ask("checkout", "-q", "-B", "ours", head)
        self.commit(ours, edition + 1)
        return self.timed("merge", "-q", "--no-edit", "theirs")


def long_history(repository: GitRepository, paths: Sequence[str], commits: int) -> None:
    """Give the repository ``commits`` more commits of one path each, by fast-import."""
    head = repository.ask("rev-parse", "HEAD").strip()
    repository.ask("fast-import", "--quiet", given=b"".join(_stream(head, paths, commits)))
    repository.ask("reset", "-q", "--hard", "long")


def _stream(head: str, paths: Sequence[str], commits: int) -> Iterator[bytes]:
    yield b"reset refs/heads/long\nfrom " + head.encode() + b"\n\n"
    for number in range(commits):
        path = paths[number % len(paths)]
        body = f"{path}, commit {number}\n".encode()
        yield (
            (
                f"commit refs/heads/long\ncommitter {ANN} {1_700_000_000 + number} +0000\n"
                f"data 4\nlong\nM 100644 inline {path}\ndata {len(body)}\n"
            ).encode()
            + body
            + b"\n"
        )
