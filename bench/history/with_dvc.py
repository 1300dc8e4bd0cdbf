"""What DVC takes for it: a folder under its care, whose small pointer git commits."""

import os
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from bench.history.layouts import write
from bench.history.with_git import GitRepository

FOLDER = "data"
PEERS = Path(os.environ.get("STRONGROOM_PEERS_DIR", ".venv-peers"))


def program() -> Path | None:
    """Return where DVC is installed, by ``make bench-peers``; None: it is not."""
    found = (PEERS / "bin" / "dvc").absolute()
    return found if found.exists() else None


class DvcRepository:
    """A folder of files that DVC keeps the versions of."""

    def __init__(self, dvc: Path, folder: Path) -> None:
        self._dvc = dvc
        self.git = GitRepository(folder)
        self._ask("init", "-q")
        self._ask("config", "core.analytics", "false")
        self.git.ask("commit", "-q", "-m", "dvc")

    def commit(self, paths: Sequence[str], edition: int) -> float:
        """Write files; return how long it takes to add the folder and to commit its pointer."""
        write(self.git.folder / FOLDER, list(paths), edition)
        began = time.perf_counter()
        self._ask("add", "-q", FOLDER)
        self.git.ask("add", "--", f"{FOLDER}.dvc", ".gitignore")
        self.git.ask("commit", "-q", "-m", f"edition {edition}")
        return time.perf_counter() - began

    def diff(self) -> float:
        """Return how long comparing the last two commits takes."""
        began = time.perf_counter()
        self._ask("diff", "HEAD~1", "HEAD")
        return time.perf_counter() - began

    def _ask(self, *arguments: str) -> None:
        done = subprocess.run(
            [self._dvc, *arguments],
            cwd=self.git.folder,
            env=os.environ | {"DVC_NO_ANALYTICS": "1"},
            capture_output=True,
            check=False,
        )
        if done.returncode != 0:
            raise RuntimeError(f"dvc {arguments[0]}: {done.stderr.decode(errors='replace')}")
