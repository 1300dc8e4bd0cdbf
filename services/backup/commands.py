"""Operator's commands: ``python -m services.backup <command>``."""

import argparse
import sys

from libs.chassis.arguments import argument
from libs.chassis.database import Database
from services.backup import store_failures
from services.backup.adopting import adopt_snapshots
from services.backup.repository import targets
from services.backup.vault import Vaults


@argument("target", help="the name of a registered target")
async def adopt(arguments: argparse.Namespace, db: Database, vaults: Vaults) -> int:
    """Learn from a target what is in it: after the schema was lost, or on another machine."""
    async with db.connection() as conn:
        target = await targets.get_target(conn, arguments.target)
    with store_failures.named():
        async with vaults.open(target) as vault:
            adopted = await adopt_snapshots(db, vault, target)
    sys.stdout.write(
        f"{adopted.snapshots} snapshots adopted, {adopted.known} known already, "
        f"{adopted.blobs} blobs found\n"
    )
    for problem in adopted.problems:
        sys.stdout.write(f"not adopted: {problem}\n")
    return 1 if adopted.problems else 0
