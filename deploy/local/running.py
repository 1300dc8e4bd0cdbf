"""``make run``: start, tell, watch, and drain when asked to."""

import signal
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType

from rich.console import Console

from deploy.local import screen
from deploy.local.migrations import MigrationFailed
from deploy.local.programs import MissingBinary
from deploy.local.readiness import NotReady
from deploy.local.stack import AlreadyRunning, Stack
from deploy.local.supervisor import SupervisorGone
from deploy.local.watching import Row, Watch
from deploy.local.wiring import WrongVariable

WRONG_CONFIGURATION = 2

Handler = Callable[[int, FrameType | None], None] | signal.Handlers


def run(root: Path, services: Sequence[str], *, servers: bool) -> int:
    """Run the stack of ``root`` until SIGINT, SIGTERM or SIGHUP; return the exit code."""
    stack = Stack(root, services, servers=servers, prefer_known_ports=True, say=_say)
    _on_stop_signals(_interrupt)
    try:
        stack.start()
        _say(
            screen.welcome(stack.describe()) if services else screen.servers_told(stack.describe())
        )
        return _watch(stack)
    except KeyboardInterrupt:
        return 0
    except WrongVariable as error:
        return _fail(str(error), WRONG_CONFIGURATION)
    except (AlreadyRunning, MigrationFailed, MissingBinary, NotReady, SupervisorGone) as error:
        return _fail(str(error), 1)
    finally:
        _on_stop_signals(signal.SIG_IGN)
        stack.stop()


def _watch(stack: Stack) -> int:
    """Show the processes until a signal comes; return 1 when the supervisor dies instead."""
    gone = threading.Event()
    watch = Watch(stack.home, stack.ports)

    def look() -> list[Row]:
        try:
            return watch.look(stack.processes())
        except SupervisorGone:
            if not stack.is_alive():
                gone.set()
            return []

    console = Console()
    if console.is_terminal:
        screen.watch_live(console, look, gone)
    else:
        screen.watch_plainly(look, gone)
    return _fail("the supervisor has died; everything is stopped", 1)


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Begin to stop. Draining ends by itself, so that further signals need not interrupt it."""
    _on_stop_signals(signal.SIG_IGN)
    raise KeyboardInterrupt


def _on_stop_signals(handler: Handler) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, handler)


def _say(text: str) -> None:
    print(text, flush=True)


def _fail(text: str, code: int) -> int:
    print(f"strongroom: {text}", file=sys.stderr, flush=True)
    return code
