"""The gateway put together."""

import hashlib
from pathlib import Path
from typing import cast

from libs.blobs.depot import Depot
from libs.blobs.encoding.keyring import Keyring
from libs.blobs.fallback import Backends
from libs.blobs.opening import open_store
from libs.chassis.bus import Bus
from libs.chassis.database import Database
from libs.chassis.loops import every
from libs.chassis.service import Service, ServiceDefinition
from services.gateway.application import build_application
from services.gateway.cache.contents import Contents
from services.gateway.cache.records import Records
from services.gateway.cache.shared import SharedRecords
from services.gateway.edge.asgi import App
from services.gateway.edge.budget import Budget
from services.gateway.edge.front import Front
from services.gateway.edge.keys import Keys
from services.gateway.edge.known_buckets import KnownBuckets
from services.gateway.edge.links import Links
from services.gateway.edge.parts import Parts
from services.gateway.edge.platform import Platform
from services.gateway.edge.rates import Rates
from services.gateway.edge.server import HttpServer
from services.gateway.edge.tus import TusEdge
from services.gateway.live.hub import Hub
from services.gateway.loops import forget_old_answers, forget_old_links
from services.gateway.routes.given import Cursors, dependencies
from services.gateway.settings import Settings
from services.gateway.transfer.archives import Archives
from services.gateway.transfer.assembling import Assembler
from services.gateway.transfer.comparing import Comparing
from services.gateway.transfer.direct import DirectUploads
from services.gateway.transfer.downloads import Downloads
from services.gateway.transfer.memory import give_free_memory_back, keep_memory_flat
from services.gateway.transfer.parts import PartWriter
from services.gateway.transfer.plans import Plans
from services.gateway.transfer.tus import TusUploads
from services.gateway.transfer.uploads import UploadDepots, Uploads

HOUR_S = 3600.0


def build(settings: Settings) -> Service:
    """Return the service, nothing of it opened yet."""
    keep_memory_flat()
    db = Database.of(settings)
    bus = Bus.of("gateway", settings)
    store, lean = open_store(settings.store_url), open_store(_lean(settings.store_url))
    signer = open_store(settings.store_public_url) if settings.store_public_url else None
    master_keys = Keyring.parse(settings.master_keys)
    fallback = open_store(settings.fallback_store_url) if settings.fallback_store_url else None
    backends, lean_backends = Backends(store, fallback), Backends(lean, fallback)
    depot, lean_depot = Depot(backends, master_keys), Depot(lean_backends, master_keys)
    platform = Platform(bus, settings.answer_timeout_s)
    shelf = SharedRecords(bus, settings.shared_cache_bytes) if settings.shared_cache else None
    records = Records(platform, bus, most_bytes=settings.cache_bytes // 4, shelf=shelf)
    platform.listeners.append(records.passed_on)
    platform.settlers.extend([shelf.passed_on] if shelf else [])
    contents = Contents(most_bytes=settings.cache_bytes)
    rates = Rates(settings)
    keys = Keys(db, bus, rates, settings)
    buckets = KnownBuckets(platform, bus)
    platform.bucket_ids.append(buckets)
    links = Links(db, buckets, keys, rates, _signing_secret(settings))
    hub = Hub(bus, settings)
    keys.when_revoked(hub.key_revoked)
    buckets.when_changed(hub.bucket_changed)
    depots = UploadDepots(depot, lean_depot)
    budget = Budget(settings.transfer_memory_bytes, settings.transfer_wait_s, give_free_memory_back)
    uploads = Uploads(platform, depots, Plans(buckets), budget, settings)
    part_writer = PartWriter(depots, budget, settings)
    assembler = Assembler(platform, part_writer, uploads)
    tus_uploads = TusUploads(platform, part_writer, assembler, settings)
    given = dependencies(
        settings=settings,
        keys=keys,
        links=links,
        platform=platform,
        buckets=buckets,
        cursors=Cursors(_signing_secret(settings)),
        uploads=uploads,
        tus_uploads=tus_uploads,
        downloads=Downloads(platform, depot, records, contents, budget, settings),
        direct_uploads=DirectUploads(platform, depot, signer, uploads, settings),
        comparing=Comparing(budget, settings.transfer_wait_s),
        archives=Archives(platform, depot, budget, settings),
        parts=Parts(db, bus, backends),
        backends=backends,
        hub=hub,
    )
    app = build_application(settings, db, keys, links, buckets, rates, given)
    return Service(
        opens=[
            db,
            bus,
            backends,
            lean_backends,
            *([signer] if signer else []),
            keys,
            buckets,
            *([shelf] if shelf else []),
            records,
            hub,
            tus_uploads,
            HttpServer(Front(TusEdge(cast("App", app), settings), settings), settings),
        ],
        given=[settings, db, bus, store],
        loops=[every(HOUR_S, forget_old_answers), every(HOUR_S, forget_old_links)],
    )


def _lean(store_url: str) -> str:
    """Return the same store's address with one part of an upload in flight instead of several."""
    if not store_url.startswith(("s3://", "gs://", "az://")):
        return store_url
    return f"{store_url}{'&' if '?' in store_url else '?'}parts_in_flight=1"


def _signing_secret(settings: Settings) -> bytes:
    """Return what signs cursors and links: only gateways know the admin key."""
    if settings.signing_secret is not None:
        return settings.signing_secret.encode()
    return hashlib.sha256(f"cursors of {settings.admin_key}".encode()).digest()


SERVICE = ServiceDefinition(
    name="gateway",
    settings=Settings,
    build=build,
    migrations=Path(__file__).parent / "migrations",
)
