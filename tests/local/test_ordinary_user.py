"""The stack needs no root: it runs as anybody, in a deep directory with a blank in its name."""

import os
import pwd
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from deploy.local import leftovers
from deploy.local.credentials import load_secrets
from deploy.local.home import CHECKOUT
from tests.local.outside import running

USER = "nobody"


def python_of_everybody() -> str | None:
    """Return an interpreter of our version that ``USER`` may run, or None."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    import_check = "import deploy.local, sys; print('%d.%d' % sys.version_info[:2])"
    for python in (
        sys.executable,
        shutil.which(f"python{version}", path="/usr/local/bin:/usr/bin"),
    ):
        if python is None:
            continue
        tried = subprocess.run(
            ["runuser", "-u", USER, "--", python, "-c", import_check],
            cwd="/",
            check=False,
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, PATH))},
        )
        if tried.stdout.strip() == version:
            return python
    return None


PATH = (CHECKOUT, Path(sysconfig.get_path("purelib")))


@pytest.fixture
def root_of_user() -> Iterator[Path]:
    account = pwd.getpwnam(USER)
    top = Path(tempfile.mkdtemp(prefix="strongroom-"))
    deep = top / ("a directory whose name is long " * 3).strip() / "so that no socket fits"
    deep.mkdir(parents=True)
    for place in (top, *top.rglob("*")):
        os.chown(place, account.pw_uid, account.pw_gid)
    yield deep
    shutil.rmtree(top)


@pytest.mark.skipif(
    os.getuid() != 0 or shutil.which("runuser") is None,
    reason="only root can become another user; the other tests ran as an ordinary one",
)
def test_an_ordinary_user_runs_the_servers_from_a_deep_directory(root_of_user: Path) -> None:
    python = python_of_everybody()
    if python is None:
        pytest.skip(f"{USER} may not read this Python or this checkout")

    command = ("runuser", "-u", USER, "--", python)
    with running(root_of_user, python=command, path=PATH) as run:
        secrets = load_secrets(run.home)
        found = leftovers.find(run.home, secrets)
        assert {process.username() for process in found} == {USER}

        runner = psutil.Process(run.told.pid)
        runner.terminate()

        run.child.wait(30)
        assert leftovers.find(run.home, secrets) == []
