"""Put the versioning service together. Read top to bottom: this is all of it."""

from pathlib import Path

from libs.chassis.bus import Bus
from libs.chassis.database import Database
from libs.chassis.loops import every
from libs.chassis.service import Service, ServiceDefinition
from services.versioning import loops, reactions
from services.versioning.applying import Applier
from services.versioning.repository.nodes import NodeCache
from services.versioning.requests import (
    blame,
    branches,
    commit_checks,
    diffs,
    entries,
    in_use,
    log,
    merges,
    restores,
    staging,
    tags,
)
from services.versioning.settings import Settings

HOUR_S = 3600.0


def build(settings: Settings) -> Service:
    db = Database.of(settings)
    bus = Bus.of("versioning", settings)
    cache = NodeCache(settings.cached_nodes)
    return Service(
        opens=[db, bus],
        given=[settings, db, bus, cache, Applier(db, bus, cache, settings)],
        answers=[
            branches,
            tags,
            staging,
            log,
            diffs,
            blame,
            entries,
            restores,
            merges,
            in_use,
            commit_checks,
        ],
        reactions=[reactions],
        loops=[every(HOUR_S, loops.forget_old_marks)],
    )


SERVICE = ServiceDefinition(
    name="versioning",
    settings=Settings,
    build=build,
    migrations=Path(__file__).parent / "migrations",
)
