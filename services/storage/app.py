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
from services.storage import (
    checkers,
    checking,
    collecting,
    compacting,
    doctor,
    jobs,
    loops,
    moving_home,
    reactions,
    retelling,
    scrubbing,
)
from services.storage.damaged import damaged
from services.storage.fsck import fsck
from services.storage.lifecycle import apply_lifecycle
from services.storage.recounting import recount
from services.storage.requests import (
    blobs,
    buckets,
    changes,
    checks,
    damage,
    deleted_buckets,
    direct,
    files,
    grants,
    lifecycle,
    locks,
    sessions,
    small_files,
    trash,
    uploads,
    usage,
)
from services.storage.rotating import rotate_keys
from services.storage.settings import Settings


def build(settings: Settings) -> Service:
    db = Database.of(settings)
    bus = Bus.of("storage", settings)
    store = open_store(settings.store_url)
    keys = Keyring.parse(settings.master_keys)
    fallback = open_store(settings.fallback_store_url) if settings.fallback_store_url else None
    backends = Backends(store, fallback)
    given = [settings, db, bus, store, backends, keys, Depot(backends, keys)]
    worker = Worker(bus, queue=jobs.QUEUE, jobs=[jobs, moving_home, retelling], given=given)
    return Service(
        opens=[db, bus, backends, worker],
        given=given,
        answers=[
            buckets,
            deleted_buckets,
            uploads,
            small_files,
            files,
            changes,
            blobs,
            damage,
            grants,
            sessions,
            direct,
            usage,
            trash,
            lifecycle,
            locks,
            checks,
        ],
        reactions=[reactions],
        loops=[
            every(settings.sweep_interval_s, loops.sweep_uploads),
            every(settings.sweep_interval_s, loops.sweep_sessions),
            every(settings.sweep_interval_s, loops.sweep_promises),
            every(settings.sweep_interval_s, loops.sweep_drafts),
            every(settings.sweep_interval_s, collecting.condemn_unnamed_blobs),
            every(settings.sweep_interval_s, collecting.collect_condemned_blobs),
            every(settings.sweep_interval_s, collecting.walk_blobs),
            every(settings.sweep_interval_s, compacting.compact_worn_objects),
            every(settings.sweep_interval_s, moving_home.request_homecoming),
            every(settings.sweep_interval_s, loops.sweep_doomed_objects),
            every(settings.sweep_interval_s, loops.sweep_trash),
            every(settings.sweep_interval_s, loops.sweep_held_contents),
            every(settings.sweep_interval_s, loops.sweep_locks),
            every(settings.sweep_interval_s, loops.sweep_change_sets),
            every(settings.sweep_interval_s, loops.purge_deleted_buckets),
            every(settings.sweep_interval_s, checking.forget_checks),
            every(settings.check_interval_s, checking.sweep_checks),
            *[every(settings.check_interval_s, checkers.make_checks)] * checkers.LANES,
            every(settings.lifecycle_interval_s, apply_lifecycle),
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
    commands=[fsck, damaged, recount, rotate_keys],
    checkups=doctor.CHECKUPS,
)
