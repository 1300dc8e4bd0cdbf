"""The ``strongroom`` command: its parts, and how it ends.

Exit 0: done. 1: it failed, and one line says why. 2: the command makes no sense. 130: Ctrl-C.
"""

import os
import sys
from collections.abc import Sequence
from importlib.metadata import EntryPoint, PackageNotFoundError, entry_points, version
from importlib.util import find_spec
from typing import Annotated, Literal

from cyclopts import App, CycloptsError, Group, Parameter

from libs.client.cli.branches import branch, tag
from libs.client.cli.browse import ls
from libs.client.cli.buckets import buckets
from libs.client.cli.changing import cp, mv, rm
from libs.client.cli.checks import checks
from libs.client.cli.commit_checks import commit_checks
from libs.client.cli.committing import commit, staged
from libs.client.cli.comparing import blame, diff
from libs.client.cli.examples import EXAMPLES
from libs.client.cli.grants import access_check, grants
from libs.client.cli.groups import FILES, HAPPENING, OPTIONS, PLATFORM, VERSIONS
from libs.client.cli.history import log, restore
from libs.client.cli.keys import keys
from libs.client.cli.locks import lock
from libs.client.cli.merging import cherry_pick, merge, revert
from libs.client.cli.output import tell
from libs.client.cli.platform import login, status
from libs.client.cli.proving import sign, signing_key, verify
from libs.client.cli.retaining import purge, retention
from libs.client.cli.sharing import links, share
from libs.client.cli.snapshots import snapshot, targets
from libs.client.cli.tasks import tasks
from libs.client.cli.transfer import cat, get, put
from libs.client.cli.trash import trash
from libs.client.cli.usage import lifecycle, quota, usage
from libs.client.cli.watching import watch
from libs.client.failures import ClientFailure, Usage

FAILED, MISUSED, INTERRUPTED = 1, 2, 130
COMMANDS = "strongroom.commands"
"""The entry point group in which other packages contribute an ``App``."""

GIT = EntryPoint("git", "libs.client.cli.git:git", COMMANDS)
"""Read only when it is asked for: what it is made with takes a while to load."""


def build(*, overview: bool = False) -> App:
    """Return the whole command; for an ``overview`` it knows all that there is to show."""
    app = App(
        name="strongroom",
        help="Files: stored once, versioned like git, backed up, watched live.",
        help_format="rich",
        version=_version,
    )
    for flag in ("--help", "--version"):
        app[flag].group = (OPTIONS,)
    for command in (put, get, cat, ls, cp, mv, rm, share):
        app.command(command, group=FILES, help_epilogue=EXAMPLES.get(command.__name__))
    for versions in (log, diff, blame, commit, merge, revert, cherry_pick, restore):
        app.command(versions, group=VERSIONS, help_epilogue=EXAMPLES.get(versions.__name__))
    for proven in (purge, verify, sign):
        app.command(proven, group=VERSIONS, help_epilogue=EXAMPLES.get(proven.__name__))
    app.command(watch, group=HAPPENING, help_epilogue=EXAMPLES["watch"])
    for part in (
        branch,
        tag,
        staged,
        commit_checks,
        retention,
        signing_key,
        links,
        trash,
        lock,
        checks,
        tasks,
        snapshot,
        targets,
        buckets,
        grants,
        quota,
        keys,
    ):
        app.command(part)
    app.command(access_check, group=PLATFORM, help_epilogue=EXAMPLES["access_check"])
    app.command(usage, group=PLATFORM)
    app.command(lifecycle, group=PLATFORM)
    app.command(status, group=PLATFORM)
    app.command(login, group=PLATFORM)

    @app.command(group=PLATFORM, help_epilogue=EXAMPLES["completion"])
    def completion(
        shell: Annotated[Literal["bash", "zsh", "fish"], Parameter(help="Which shell.")], /
    ) -> None:
        """Print the completion script for a shell."""
        sys.stdout.write(app.generate_completion(shell=shell))

    if find_spec("dulwich") is None:
        app.command(_no_git, name="git", group=VERSIONS)
    else:
        _contribute(app, GIT, VERSIONS, shown=overview)
    for entry in entry_points(group=COMMANDS):
        _contribute(app, entry, PLATFORM, shown=overview)
    return app


def _no_git(*words: Annotated[str, Parameter(allow_leading_hyphen=True)]) -> None:
    """Histories of git: import, export. Not installed: it needs the extra `git`."""
    del words
    raise ClientFailure("what reads git is not installed: pip install 'strongroom[git]'")


def _contribute(app: App, entry: EntryPoint, group: Group, *, shown: bool) -> None:
    """Add a command of another package; it is imported only to be run or to be shown."""
    if not shown:
        app.command(entry.value, name=entry.name)
        return
    part: App = entry.load()
    part.group = (group,)
    app.command(part, name=entry.name)


def run(tokens: Sequence[str] | None = None) -> int:
    """Run the ``strongroom`` command and return its exit code."""
    words = sys.argv[1:] if tokens is None else list(tokens)
    return run_app(build(overview=not words or words[0].startswith("-")), words)


def run_app(app: App, tokens: Sequence[str] | None = None) -> int:
    """Run one command of ``app`` and return its exit code; what fails is told in one line."""
    try:
        result = app(tokens, exit_on_error=False, print_error=False, result_action="return_value")
        sys.stdout.flush()  # what nobody reads any more is to show here, not when Python ends
        return result if isinstance(result, int) else 0
    except (CycloptsError, Usage) as misuse:
        return _fail(misuse, MISUSED)
    except BrokenPipeError:
        # The reader has enough, e.g. `| head`; nothing may be written at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    except (ClientFailure, OSError) as failure:
        return _fail(failure, FAILED)
    except Exception as bug:
        if os.environ.get("STRONGROOM_DEBUG"):
            raise
        first = _first_of(bug)
        said = f"a bug: {type(first).__name__}: {first}; STRONGROOM_DEBUG=1 shows where"
        return _fail(said, FAILED)


def main() -> None:
    """Run the command line and exit."""
    sys.exit(run())


def _fail(why: object, code: int) -> int:
    lines = str(why).strip().splitlines() or [type(why).__name__]
    tell(f"strongroom: {' '.join(line.strip() for line in lines)}")
    return code


def _first_of(bug: Exception) -> Exception:
    """Return what broke first where several things were under way."""
    while isinstance(bug, ExceptionGroup):
        bug = bug.exceptions[0]
    return bug


def _version() -> str:
    try:
        return version("strongroom")
    except PackageNotFoundError:
        return "from a checkout"
