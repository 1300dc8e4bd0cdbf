"""Git repositories with what makes histories hard, made with git itself."""

import os
import shutil
import subprocess
from pathlib import Path

GIT = shutil.which("git")


class Repository:
    """A repository with a working tree, as a user has it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seconds = 1_577_934_245

    @classmethod
    def create(cls, path: Path, branch: str = "master") -> "Repository":
        """Make an empty repository."""
        path.mkdir(parents=True)
        made = cls(path)
        made.git("init", "-q", "-b", branch)
        return made

    def git(self, *words: str, stdin: bytes | None = None) -> str:
        """Run git; every call is a second later than the one before, in another time zone."""
        self._seconds += 1
        at = f"{self._seconds} {('+0530', '-0800', '+0000')[self._seconds % 3]}"
        done = subprocess.run(
            [GIT or "git", *words],
            cwd=self.path,
            input=stdin,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(self.path),
                "GIT_CONFIG_NOSYSTEM": "1",
                "GIT_AUTHOR_NAME": "Ann Ö",
                "GIT_AUTHOR_EMAIL": "ann@example.org",
                "GIT_AUTHOR_DATE": at,
                "GIT_COMMITTER_NAME": "Bob",
                "GIT_COMMITTER_EMAIL": "bob@example.org",
                "GIT_COMMITTER_DATE": at,
            },
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode(errors="replace")

    def write(self, path: str, content: str) -> None:
        """Write a file of the working tree."""
        (self.path / path).parent.mkdir(parents=True, exist_ok=True)
        (self.path / path).write_text(content)

    def commit(self, message: str, **files: str) -> str:
        """Commit files, named by keywords, and everything else that changed; return the id."""
        for name, content in files.items():
            self.write(name, content)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.id_of("HEAD")

    def id_of(self, ref: str) -> str:
        """Return what a ref names."""
        return self.git("rev-parse", ref).strip()

    def refs(self) -> dict[str, str]:
        """Return branches and tags, and which object each names."""
        lines = self.git("show-ref", "--heads", "--tags").splitlines()
        return {name: target for target, name in (line.split(" ", 1) for line in lines)}

    def ids(self) -> set[str]:
        """Return the ids of all commits."""
        return set(self.git("rev-list", "--all").split())


def a_hard_one(path: Path, unique: str) -> Repository:
    """Return a repository with merges, modes, a link, odd messages, a tag, and two roots."""
    made = Repository.create(path)
    made.write("run.sh", f"#!/bin/sh\necho {unique}\n")
    (made.path / "run.sh").chmod(0o755)
    (made.path / "link").symlink_to("src/a")
    made.write("src/a", f"one {unique}\n")
    made.write("empty", "")
    made.commit("First\n\nWith a body, and no line end at its end")
    made.git("checkout", "-q", "-b", "feature/x")
    made.write("src/deep/f", f"f {unique}\n")
    made.commit("Add f")
    made.git("rm", "-q", "src/a")
    made.write("src/a/x", f"x {unique}\n")
    made.commit("A file becomes a folder")
    made.git("checkout", "-q", "master")
    (made.path / "run.sh").chmod(0o644)
    made.commit("An ordinary file again", ünïcode=f"ü {unique}\n")
    made.git("merge", "-q", "--no-ff", "-m", "Merge f", "feature/x~1")
    made.git(
        *("-c", "i18n.commitEncoding=ISO-8859-1", "commit", "-q", "--allow-empty", "-F", "-"),
        stdin=b"caf\xe9",
    )
    made.git("commit", "-q", "--allow-empty", "--allow-empty-message", "-m", "")
    made.git("commit", "-q", "--allow-empty", "-F", "-", stdin=b"long " * 2000)
    made.git("tag", "light", "master~1")
    made.git("tag", "-a", "v1.0", "-m", "Version one", "master")
    made.git("checkout", "-q", "--orphan", "other")
    made.git("rm", "-rfq", ".")
    made.commit("Another root", z=f"z {unique}\n")
    made.git("checkout", "-q", "master")
    return made
