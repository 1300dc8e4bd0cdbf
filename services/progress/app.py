"""Put the ledger together. Read top to bottom: this is all of it."""

from pathlib import Path

from libs.chassis.bus import Bus
from libs.chassis.database import Database
from libs.chassis.loops import every
from libs.chassis.service import Service, ServiceDefinition
from services.progress import reactions, requests
from services.progress.ledger import Ledger
from services.progress.loops import Hearing, measure_tasks, see_to_due_tasks
from services.progress.settings import Settings


def build(settings: Settings) -> Service:
    db = Database.of(settings)
    bus = Bus.of("progress", settings)
    ledger = Ledger(db, bus, settings.pace(), settings.limits())
    return Service(
        opens=[db, bus],
        given=[settings, db, bus, ledger, Hearing(bus)],
        answers=[requests],
        reactions=[reactions],
        loops=[
            every(settings.round_interval_s, see_to_due_tasks),
            every(settings.count_interval_s, measure_tasks),
        ],
    )


SERVICE = ServiceDefinition(
    name="progress",
    settings=Settings,
    build=build,
    migrations=Path(__file__).parent / "migrations",
)
