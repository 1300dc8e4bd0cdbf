"""Put the backup service together. Read top to bottom: this is all of it."""

from pathlib import Path

from libs.blobs import open_store
from libs.blobs.depot import Depot
from libs.blobs.encoding.keyring import Keyring
from libs.blobs.fallback import Backends
from libs.chassis.bus import Bus
from libs.chassis.database import Database
from libs.chassis.loops import every
from libs.chassis.service import Service, ServiceDefinition
from libs.worker import Worker
from services.backup import reactions
from services.backup.commands import adopt
from services.backup.domain.tasks import QUEUE
from services.backup.jobs import restore_snapshot, take_snapshot, verify_snapshot
from services.backup.loops import DEFAULT_TARGET_INTERVAL_S, ensure_default_target
from services.backup.requests import snapshots as snapshot_requests
from services.backup.requests import targets as target_requests
from services.backup.settings import Settings
from services.backup.target_stores import TargetStores
from services.backup.vault import Vaults


def build(settings: Settings) -> Service:
    """Return the service that ``settings`` describe."""
    db = Database.of(settings)
    bus = Bus.of("backup", settings)
    store = open_store(settings.store_url)
    stores = TargetStores(settings.file_target_roots)
    fallback = open_store(settings.fallback_store_url) if settings.fallback_store_url else None
    backends = Backends(store, fallback)
    depot = Depot(backends, Keyring.parse(settings.master_keys))
    given = [settings, db, bus, store, depot, stores, Vaults(stores)]
    worker = Worker(
        bus,
        queue=QUEUE,
        jobs=[take_snapshot, verify_snapshot, restore_snapshot],
        given=given,
        concurrency=settings.tasks_at_once,
    )
    return Service(
        opens=[db, bus, backends, worker],
        given=given,
        answers=[target_requests, snapshot_requests],
        reactions=[reactions],
        loops=[every(DEFAULT_TARGET_INTERVAL_S, ensure_default_target)],
    )


SERVICE = ServiceDefinition(
    name="backup",
    settings=Settings,
    build=build,
    migrations=Path(__file__).parent / "migrations",
    commands=[adopt],
)
