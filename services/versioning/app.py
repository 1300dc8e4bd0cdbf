"""Put the versioning service together. Read top to bottom: this is all of it."""

from pathlib import Path

from libs.chassis.bus import Bus
from libs.chassis.database import Database
from libs.chassis.loops import every
from libs.chassis.service import Service, ServiceDefinition
from services.versioning import loops, reactions, retaining
from services.versioning.applying import Applier
from services.versioning.known_moves import KnownMoves
from services.versioning.repository.nodes import NodeCache
from services.versioning.repository.signing import Signer
from services.versioning.requests import (
    blame,
    branches,
    commit_checks,
    commits,
    diffs,
    entries,
    imports,
    in_use,
    log,
    merges,
    proving,
    restores,
    retention,
    reverts,
    signatures,
    staging,
    tags,
)
from services.versioning.settings import Settings

HOUR_S = 3600.0
MINUTE_S = 60.0


def build(settings: Settings) -> Service:
    db = Database.of(settings)
    bus = Bus.of("versioning", settings)
    signer = Signer.of(settings)
    cache = NodeCache(settings.cached_nodes, signer)
    return Service(
        opens=[db, bus],
        given=[settings, db, bus, signer, cache, KnownMoves(), Applier(db, bus, cache, settings)],
        answers=[
            branches,
            tags,
            staging,
            log,
            diffs,
            blame,
            entries,
            commits,
            imports,
            restores,
            reverts,
            merges,
            in_use,
            retention,
            commit_checks,
            proving,
            signatures,
        ],
        reactions=[reactions],
        loops=[
            every(HOUR_S, loops.forget_old_marks),
            every(HOUR_S, loops.forget_old_commits),
            every(min(MINUTE_S, settings.retention_interval_s), retaining.apply_policies),
            every(settings.retention_interval_s, retaining.give_up_unreached),
        ],
    )


SERVICE = ServiceDefinition(
    name="versioning",
    settings=Settings,
    build=build,
    migrations=Path(__file__).parent / "migrations",
)
