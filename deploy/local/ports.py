"""Free ports on the loopback address, the same at every start unless somebody took one."""

import random
import socket
from collections.abc import Iterable

import msgspec

from deploy.local.home import Home, write_private

HOST = "127.0.0.1"
BELOW_EPHEMERAL = range(20_000, 32_000)
"""The kernel gives its own clients ports from 32768 on, so none of these is taken by chance."""


def is_free(port: int) -> bool:
    """Return whether a server could listen on ``port`` of the loopback address now."""
    with socket.socket() as probe:
        # As servers do it: a port in TIME_WAIT is free, one with a listener is not.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def free_port(taken: Iterable[int] = ()) -> int:
    """Return a free port that is not in ``taken``."""
    unwanted = set(taken)
    for _ in range(2_000):
        port = random.choice(BELOW_EPHEMERAL)
        if port not in unwanted and is_free(port):
            return port
    raise OSError("found no free port between 20000 and 32000")


def choose_ports(
    home: Home, names: Iterable[str], preferred: dict[str, int] | None = None
) -> dict[str, int]:
    """Return a free port for each name: remembered, else preferred, else any; and remember them.

    Nothing of this stack may be running, or its own ports count as taken.
    """
    known = preferred or {}
    remembered = remembered_ports(home)
    chosen: dict[str, int] = {}
    for name in names:
        wanted = [remembered.get(name), known.get(name)]
        others = {*chosen.values(), *(p for n, p in remembered.items() if n != name)}
        usable = (p for p in wanted if p and p not in chosen.values() and is_free(p))
        chosen[name] = next(usable, None) or free_port(others)
    write_private(home.ports_file, msgspec.json.encode({**remembered, **chosen}))
    return chosen


def remembered_ports(home: Home) -> dict[str, int]:
    """Return the ports of the last start."""
    try:
        return msgspec.json.decode(home.ports_file.read_bytes(), type=dict[str, int])
    except (FileNotFoundError, msgspec.DecodeError):
        return {}
