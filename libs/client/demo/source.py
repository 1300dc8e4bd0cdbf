"""Which files of a directory the demonstration takes."""

import subprocess
from pathlib import Path

from libs.client.failures import Usage
from libs.client.trees import Tree, tree_of, walk

NEVER_ENTERED = (".git", ".venv", ".strongroom", "node_modules", "__pycache__")


def tree_to_show(directory: Path) -> Tree:
    """Return what git would keep of ``directory``, or all of it where git is not at home."""
    if not directory.is_dir():
        raise Usage(f"{directory} is no directory")
    names = _names_by_git(directory)
    return walk(directory, NEVER_ENTERED) if names is None else tree_of(directory, names)


def _names_by_git(directory: Path) -> list[str] | None:
    """Return the names of files that are in git or could be; None when git cannot tell."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(  # noqa: S603 - a fixed command, no shell
            command, cwd=directory, capture_output=True, check=True, timeout=60
        )
    except (OSError, subprocess.SubprocessError):
        return None
    names = listed.stdout.decode(errors="surrogateescape").split("\0")
    return sorted({name for name in names if name}) or None
