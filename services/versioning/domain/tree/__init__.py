"""The prolly tree: path -> entry, content-addressed, equal content in equal nodes.

Specified in ``docs/versioning-format.md``. Nothing here reads or writes: see ``walk``.
"""

from services.versioning.domain.tree.building import build
from services.versioning.domain.tree.comparing import Delta, Difference, diff
from services.versioning.domain.tree.editing import Edited, edit
from services.versioning.domain.tree.entry import Entry
from services.versioning.domain.tree.listing import Listing, scan
from services.versioning.domain.tree.lookup import Usage, get, usage
from services.versioning.domain.tree.node import EMPTY, NewNode, Node, NodeId, decode
from services.versioning.domain.tree.walk import Walk, drive

__all__ = [
    "EMPTY",
    "Delta",
    "Difference",
    "Edited",
    "Entry",
    "Listing",
    "NewNode",
    "Node",
    "NodeId",
    "Usage",
    "Walk",
    "build",
    "decode",
    "diff",
    "drive",
    "edit",
    "get",
    "scan",
    "usage",
]
