"""The tour of the README, run as it stands there against a platform of its own."""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.home import CHECKOUT
from tests.platform import Platform, running_platform

README = CHECKOUT / "README.md"


@pytest.fixture(scope="module")
def own_platform() -> Iterator[Platform]:
    """A service is killed on the way: nobody else's tests should notice."""
    with running_platform() as platform:
        yield platform


def tour() -> str:
    """Return the shell commands of the tour, one script."""
    text = README.read_text(encoding="utf-8").split("## A tour", 1)[1].split("\n## ", 1)[0]
    return "\n".join(re.findall(r"```sh\n(.*?)```", text, flags=re.DOTALL))


@pytest.mark.timeout(420)
def test_the_tour_goes_as_it_is_written(own_platform: Platform, tmp_path: Path) -> None:
    root = own_platform.stack.root
    script = re.sub(r"strongroom (local \w+|doctor|fsck)", rf"strongroom \1 --root {root}", tour())

    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=CHECKOUT,
        env=os.environ | {"TMPDIR": str(tmp_path), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=410,
        check=False,
    )

    told = done.stdout + done.stderr
    assert done.returncode == 0, told[-4000:]
    for line in ("equal", "all equal", "note 7, improved", "everything is back"):
        assert f"\n{line}\n" in told, told[-4000:]
    assert "+ reports/heard/8.txt version 1" in told
    assert "- reports/heard/8.txt" in told
    assert "main: 2 files would change, no conflicts" in told
    commits = re.findall(r"^[0-9a-f]{40}$", told, flags=re.MULTILINE)
    assert len(commits) == 2
    assert commits[0] == commits[1]
    assert "\n500\n" in told
    assert "\n0 differences\n" in told
    assert "killed versioning" in told


def test_the_readme_shows_the_example_that_is_there() -> None:
    shown = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)

    example = (CHECKOUT / "docs/examples/listen.py").read_text(encoding="utf-8")

    assert example in shown
    assert len([line for line in example.splitlines() if line.strip()]) <= 25


def test_the_pages_that_the_readme_names_are_there() -> None:
    links = re.findall(r"\]\(([^)#:]+)[^)]*\)", README.read_text(encoding="utf-8"))

    assert [link for link in links if not (CHECKOUT / link).exists()] == []
