"""The object stores: do they answer, what survives a power loss, how much room is there?"""

import asyncio
import importlib.util
import shutil
import time
from datetime import UTC, datetime
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import uuid4

from libs.blobs import Backends, BlobFailure, BlobStore, DurabilityLevel
from libs.blobs.file import FileStore
from libs.chassis.checkup import Finding
from libs.contracts.storage import Backend
from services.storage.doctor.database import clock
from services.storage.settings import Settings

PROBES = "probes"
SLOW_S = 1.0
NEARLY_FULL = 0.9


async def examine_stores(backends: Backends, settings: Settings) -> list[Finding]:
    """Put, look at and delete a small blob in each store, and tell what it promises."""
    findings: list[Finding] = []
    for name in backends.names:
        findings += await _examine(name, backends.store(name))
    urls = {"primary": settings.store_url, "fallback": settings.fallback_store_url}
    for part, url in urls.items():
        if url is not None and url.startswith("s3://"):
            findings.append(await asyncio.to_thread(_leftovers, part, url))
    return findings


async def _examine(name: Backend, store: BlobStore) -> list[Finding]:
    part = f"{name} store"
    key = f"{PROBES}/{uuid4().hex}"
    began = time.monotonic()
    try:
        await store.put(key, b"probe")
        stored_at = (await store.head(key)).modified_at
        await store.delete(key)
    except BlobFailure as error:
        todo = "uploads go to the fallback until it answers" if name == "primary" else ""
        return [
            Finding(part=part, level="fail", says=str(error), todo=todo or "see why it refuses")
        ]
    took_s = time.monotonic() - began
    found = [_circuit(part, store, took_s), _durability(part, store)]
    found.append(clock(f"{part} clock", (stored_at - datetime.now(UTC)).total_seconds()))
    return found + _room(part, store)


def _circuit(part: str, store: BlobStore, took_s: float) -> Finding:
    slow = took_s > SLOW_S
    return Finding(
        part=part,
        level="warn" if slow else "ok",
        says=f"{store.label} takes, shows and deletes a blob in {took_s * 1000:,.0f} ms",
        todo="see what keeps it busy" if slow else "",
    )


def _durability(part: str, store: BlobStore) -> Finding:
    durable = store.durability.level is DurabilityLevel.DURABLE
    return Finding(
        part=f"{part} durability",
        level="ok" if durable else "warn",
        says=f"{store.durability.level.upper()}: {store.durability.reason}",
        todo=""
        if durable
        else "declare it with ?durability=durable if you know better, "
        "or keep bytes in a store that syncs",
    )


def _room(part: str, store: BlobStore) -> list[Finding]:
    """Tell how full the disk is, where that can be seen from here."""
    if not isinstance(store, FileStore):
        return []
    disk = shutil.disk_usage(store.root)
    nearly_full = disk.used > disk.total * NEARLY_FULL
    return [
        Finding(
            part=f"{part} room",
            level="warn" if nearly_full else "ok",
            says=f"{disk.free / 1e9:,.1f} of {disk.total / 1e9:,.1f} GB are free",
            todo="make room: at 100 % uploads are refused with 507" if nearly_full else "",
        )
    ]


def _leftovers(name: str, url: str) -> Finding:
    """Tell whether the bucket sweeps parts of uploads that a crash left, which nobody can list."""
    part = f"{name} store leftovers"
    todo = (
        "on AWS and MinIO add a lifecycle rule AbortIncompleteMultipartUpload of a day; not on "
        "SeaweedFS, which sweeps them itself (libs/blobs/README.md says why)"
    )
    if importlib.util.find_spec("minio") is None:
        says = "not looked at: the package minio is not installed"
        return Finding(part=part, level="warn", says=says, todo="pip install minio")
    try:
        swept = _aborts_incomplete_uploads(url)
    except OSError as error:
        return Finding(part=part, level="warn", says=f"cannot be told: {error}", todo=todo)
    if swept:
        return Finding(part=part, level="ok", says="incomplete multipart uploads are aborted")
    says = "no rule of the bucket aborts what interrupted uploads left"
    return Finding(part=part, level="warn", says=says, todo=todo)


def _aborts_incomplete_uploads(url: str) -> bool:
    """Ask the server; raises ``OSError`` when it does not tell."""
    from minio import Minio
    from minio.error import MinioException, S3Error
    from urllib3 import PoolManager
    from urllib3.exceptions import HTTPError

    parts = urlsplit(url)
    query = parse_qs(parts.query)
    client = Minio(
        parts.netloc.rpartition("@")[2],
        unquote(parts.username or "") or None,
        unquote(parts.password or "") or None,
        region=query.get("region", ["us-east-1"])[0],
        secure=query.get("tls", ["true"])[0] != "false",
        http_client=PoolManager(retries=False, timeout=3),
    )
    try:
        rules = client.get_bucket_lifecycle(unquote(parts.path).strip("/").partition("/")[0])
    except S3Error as error:
        if error.code == "NoSuchLifecycleConfiguration":
            return False
        raise OSError(error.code) from error
    except (MinioException, HTTPError, ValueError) as error:
        raise OSError(type(error).__name__) from error
    return rules is not None and any(
        rule.abort_incomplete_multipart_upload is not None for rule in rules.rules
    )
