"""Free ports on the loopback address, the same at every start unless somebody took one.

All of them are below 32768, where the kernel begins to give ports to clients by chance.
"""

import random
import socket
from collections.abc import Callable, Collection, Iterable, Mapping

import msgspec

from deploy.local.home import Home, write_private

HOST = "127.0.0.1"
SINGLE = range(22_700, 30_000)
PAIRED = range(20_000, 22_700)
"""For servers that also listen ``PAIR_OFFSET`` above."""
PAIR_OFFSET = 10_000


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


def is_free_pair(port: int) -> bool:
    """Return whether ``port`` and its partner are free."""
    return is_free(port) and is_free(port + PAIR_OFFSET)


def choose_ports(
    home: Home,
    names: Iterable[str],
    *,
    paired: Collection[str] = (),
    preferred: Mapping[str, int] | None = None,
) -> dict[str, int]:
    """Return a free port for each name: remembered, else preferred, else any; and remember them.

    For a name of ``paired`` the port ``PAIR_OFFSET`` above is free too. Nothing of this stack may
    be running, or its own ports count as taken.
    """
    remembered = remembered_ports(home)
    chosen: dict[str, int] = {}
    for name in names:
        wanted = (remembered.get(name), (preferred or {}).get(name))
        fits = is_free_pair if name in paired else is_free
        usable = (p for p in wanted if p and p not in chosen.values() and fits(p))
        taken = {*chosen.values(), *remembered.values()}
        chosen[name] = next(usable, 0) or _any(PAIRED if name in paired else SINGLE, fits, taken)
    write_private(home.ports_file, msgspec.json.encode({**remembered, **chosen}))
    return chosen


def _any(ports: range, fits: Callable[[int], bool], taken: Collection[int]) -> int:
    for port in random.sample(ports, len(ports)):
        if port not in taken and fits(port):
            return port
    raise OSError(f"no port between {ports.start} and {ports.stop} is free")


def remembered_ports(home: Home) -> dict[str, int]:
    """Return the ports of the last start."""
    try:
        return msgspec.json.decode(home.ports_file.read_bytes(), type=dict[str, int])
    except (FileNotFoundError, msgspec.DecodeError):
        return {}
