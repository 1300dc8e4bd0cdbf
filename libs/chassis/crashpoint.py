"""Places where a test may kill the process, as a power cut would: no cleanup, no goodbye."""

import os
import signal

_name, _, _count = os.environ.get("STRONGROOM_CRASHPOINT", "").partition(":")
_left = int(_count or 1)


def crashpoint(name: str) -> None:
    """Kill this process when ``STRONGROOM_CRASHPOINT`` is ``name``, or the nth time ``name:n``."""
    global _left
    if name != _name:
        return
    _left -= 1
    if _left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
