"""Put the storage service together. Read top to bottom: this is all of it."""

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
from services.storage import collecting, jobs, loops, reactions, scrubbing
from services.storage.fsck import fsck
from services.storage.requests import (
    blobs,
    buckets,
    changes,
    damage,
    files,
    grants,
    sessions,
    small_files,
    uploads,
)
from services.storage.rotating import rotate_keys
from services.storage.settings import Settings


def build(settings: Settings) -> Service:
    db = Database.of(settings)
    bus = Bus.of("storage", settings)
    store = open_store(settings.store_url)
    keys = Keyring.parse(settings.master_keys)
    worker = Worker(bus, queue=jobs.QUEUE, jobs=[jobs], given=[db])
    return Service(
        opens=[db, bus, store, worker],
        given=[settings, db, bus, store, keys, Depot(Backends(store), keys)],
        answers=[buckets, uploads, small_files, files, changes, blobs, damage, grants, sessions],
        reactions=[reactions],
        loops=[
            every(settings.sweep_interval_s, loops.sweep_uploads),
            every(settings.sweep_interval_s, loops.sweep_sessions),
            every(settings.sweep_interval_s, loops.sweep_promises),
            every(settings.sweep_interval_s, collecting.condemn_unnamed_blobs),
            every(settings.sweep_interval_s, collecting.collect_condemned_blobs),
            every(settings.sweep_interval_s, collecting.walk_blobs),
            every(settings.sweep_interval_s, loops.sweep_doomed_objects),
            every(settings.sweep_interval_s, loops.purge_deleted_buckets),
            every(settings.scrub_interval_s, scrubbing.scrub_blobs),
            every(settings.orphan_interval_s, loops.sweep_orphans),
            every(settings.orphan_interval_s, loops.sweep_exports),
        ],
    )


SERVICE = ServiceDefinition(
    name="storage",
    settings=Settings,
    build=build,
    migrations=Path(__file__).parent / "migrations",
    commands=[fsck, rotate_keys],
)
