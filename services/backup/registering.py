"""A new target: tried out first, then begun or joined, then known."""

import asyncio
from datetime import UTC, datetime

from libs.blobs import BlobFailure, BlobNotFound, BlobStore
from libs.chassis.database import Database
from libs.contracts.ids import new_id
from libs.contracts.values import Actor
from services.backup.domain.errors import TargetUnusable
from services.backup.domain.layout import probe_key
from services.backup.domain.target_config import FORMAT, TargetConfig
from services.backup.domain.targets import Target
from services.backup.repository import targets
from services.backup.target_stores import TargetStores
from services.backup.vault import Vault


async def register_target(
    db: Database, stores: TargetStores, *, name: str, url: str, actor: Actor, timeout_s: float
) -> Target:
    """Make the target known; a repository that lies there already is joined, not begun again.

    Raises ``TargetUrlRefused``, ``TargetUnusable`` (saying why) or ``TargetExists``.
    """
    try:
        async with asyncio.timeout(timeout_s), stores.open(url) as store:
            await _probe(store)
            config = await _join_or_begin(Vault(store))
            durability = store.durability.level.value
    except BlobFailure as error:
        raise TargetUnusable(str(error)) from error
    except TimeoutError as error:
        raise TargetUnusable(f"it did not answer in {timeout_s:g} s") from error
    target = Target(
        target_id=new_id(),
        name=name,
        url=url,
        repository_id=config.repository_id,
        durability=durability,
        created_by=actor,
        created_at=datetime.now(UTC),
    )
    async with db.transaction() as tx:
        await targets.insert_target(tx, target)
    return target


async def _probe(store: BlobStore) -> None:
    """Write, read back and delete; raises ``TargetUnusable`` for a store that does it wrong."""
    probe_id = new_id()
    key, sent = probe_key(probe_id), probe_id.bytes
    await store.put(key, sent)
    body = await store.get(key)
    if await body.read() != sent:
        raise TargetUnusable("it returned other bytes than it was given")
    await store.delete(key)
    try:
        await store.head(key)
    except BlobNotFound:
        return
    raise TargetUnusable("it did not delete what it was told to")


async def _join_or_begin(vault: Vault) -> TargetConfig:
    config = await vault.find_config()
    if config is None:
        config = TargetConfig(
            format=FORMAT,
            repository_id=new_id(),
            required_features=[],
            created_at=datetime.now(UTC),
        )
        await vault.write_config(config)
    return config
