"""Which branch, tag or commit a URL's path names: such a name may hold slashes, as git's may.

``branches/feature/x`` and ``branches/feature%2Fx`` are the same branch. What is known of a tag or
a commit stands behind its name, and a slash before it is never an encoded one.
"""

import re
from typing import NamedTuple

_NAMED = re.compile(
    rb"(?P<before>/api/v1/buckets/[a-z0-9-]+/(?:branches|tags|commits))"
    rb"/(?P<name>.+?)(?P<after>/signatures|/checks)?"
)

STANDS_IN = "-"
"""What the router sees in place of a name; nothing is called so."""


class NamedAddress(NamedTuple):
    """A URL's path that names a ref: what routes it, and the undecoded name."""

    path: str
    name: bytes


def find_name(raw_path: bytes) -> NamedAddress | None:
    """Return the parts of a path that names a ref; None for any other path."""
    found = _NAMED.fullmatch(raw_path)
    if found is None:
        return None
    before, after = found["before"].decode("ascii"), (found["after"] or b"").decode("ascii")
    return NamedAddress(f"{before}/{STANDS_IN}{after}", found["name"])
