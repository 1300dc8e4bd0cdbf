"""Damaged bytes are never given out; who finds some has them quarantined."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from libs.blobs.failures import BlobDamaged, BlobNotFound, BlobTruncated
from libs.contracts.problems import Problem
from libs.contracts.storage import BlobPlace, ReportDamage
from services.gateway.domain.failures import FileDamaged
from services.gateway.edge.platform import Platform

MOST_TOLD = 500

log = logging.getLogger(__name__)


@asynccontextmanager
async def reported(platform: Platform, blob: BlobPlace) -> AsyncIterator[None]:
    """Report it to storage when reading ``blob`` in this block shows damage; that is raised on.

    A blob that is quarantined is not read at all: raises ``FileDamaged``.
    """
    if blob.quarantined:
        raise FileDamaged("they are quarantined until the same bytes are put again")
    try:
        yield
    except (FileDamaged, BlobNotFound, BlobTruncated, BlobDamaged) as damage:
        try:
            await platform.ask(ReportDamage(blob=blob, reason=str(damage)[:MOST_TOLD]))
        except Problem as problem:
            log.warning("damage of blob %s could not be reported: %s", blob.blob_id, problem)
        raise
