"""The operator's command ``recount``: do the counters of usage say what is there?"""

import argparse
import sys
from collections.abc import Sequence

import msgspec

from libs.chassis.arguments import argument
from libs.chassis.database import Database
from services.storage.repository import recounts
from services.storage.repository.recounts import Drift
from services.storage.settings import Settings

PATIENCE_S = 3600.0
"""A look at all rows takes longer than any request may."""


@argument("--json", action="store_true", help="print one JSON array")
@argument("--repair", action="store_true", help="put right what is off")
async def recount(arguments: argparse.Namespace, settings: Settings) -> int:
    """Compare the counters of usage with a recount, beside the service: exit 0 when equal, else 1.

    With --repair what was off is put right, and the exit is 0.
    """
    async with Database(settings.database_url, statement_timeout_s=PATIENCE_S) as db:
        async with db.connection() as conn:
            drifts = await recounts.recount(conn)
        if arguments.repair and drifts:
            async with db.transaction() as tx:
                await recounts.add_drifts(tx, drifts)
    sys.stdout.write(_as_json(drifts) if arguments.json else _as_text(drifts, arguments.repair))
    return 1 if drifts and not arguments.repair else 0


def _as_json(drifts: Sequence[Drift]) -> str:
    return msgspec.json.encode([drift._asdict() for drift in drifts]).decode() + "\n"


def _as_text(drifts: Sequence[Drift], repaired: bool) -> str:
    lines = [f"{drift.whose} {drift.detail}{', added' * repaired}" for drift in drifts]
    return "\n".join([*lines, f"{len(drifts):,} counters were off"]) + "\n"
