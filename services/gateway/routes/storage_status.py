"""The store behind everything: what lies in it, how its backends are, what memory spares it."""

from litestar import get
from litestar.di import NamedDependency
from msgspec import Struct

from libs.blobs import DurabilityLevel
from libs.blobs.fallback import Backends
from libs.contracts.storage import Backend, GetStorageUsage, StorageUsage
from services.gateway.cache.figures import CacheFigures
from services.gateway.edge.gate import needs
from services.gateway.edge.parts import PartState
from services.gateway.transfer.downloads import Downloads


class BackendStatus(Struct, frozen=True, kw_only=True):
    """One of the stores."""

    name: Backend
    address: str
    """Without its secrets."""
    durability: DurabilityLevel
    reason: str
    """Why it is said to be so durable."""


class StorageStatus(Struct, frozen=True, kw_only=True):
    """What this gateway knows of the stores, and what all buckets use."""

    state: PartState
    """``degraded`` while uploads go to the fallback."""
    circuit: str
    backends: list[BackendStatus]
    caches: dict[str, CacheFigures]
    """Of the gateway that answers: file records, and contents of small files. ``shared`` is what
    all gateways share in NATS, and how often it spared this one a question."""
    usage: StorageUsage


@get("/system/storage", summary="How storage is", tags=["System"], opt=needs("admin"))
async def get_storage_status(
    downloads: NamedDependency[Downloads], backends: NamedDependency[Backends]
) -> StorageStatus:
    """Return use, backends with their durability, and how often memory spared the store."""
    shared = await downloads.records.shared_figures()
    stores = {name: backends.store(name) for name in backends.names}
    return StorageStatus(
        state=backends.state,
        circuit=backends.circuit,
        backends=[
            BackendStatus(
                name=name,
                address=store.label,
                durability=store.durability.level,
                reason=store.durability.reason,
            )
            for name, store in stores.items()
        ],
        caches={
            "records": downloads.records.figures,
            "contents": downloads.contents.figures,
            **({"shared": shared} if shared else {}),
        },
        usage=await downloads.platform.ask(GetStorageUsage()),
    )


ROUTES = [get_storage_status]
