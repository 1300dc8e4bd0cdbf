"""The operator's command ``rotate-keys``: from now on the newest master key wraps every data key.

Give the new master key to gateway, storage and backup first, in the first line, and restart them:
a process that does not have it could not read what was rotated. Run the command, and once more
before the old key goes: what a process without the new one wrote meanwhile is found then. Keep the
old key as long as there are backups of the database from before.
"""

import argparse
import sys
from uuid import UUID

from libs.blobs import BlobFailure
from libs.blobs.encoding.damage import Damaged
from libs.blobs.encoding.keyring import Keyring, rewrapped
from libs.chassis.arguments import argument
from libs.chassis.crashpoint import crashpoint
from libs.chassis.database import Database
from libs.contracts.storage import SealedKey
from services.storage.domain.errors import EncryptionUnavailable
from services.storage.repository import sealed_keys

BLOBS_AT_ONCE = 500
_FIRST = UUID(int=0)


@argument("--at-once", type=int, default=BLOBS_AT_ONCE, help="blobs in one transaction")
@argument("--status", action="store_true", help="only tell which master key wraps how many")
async def rotate_keys(arguments: argparse.Namespace, db: Database, keys: Keyring) -> int:
    """Wrap all data keys by the newest master key; bytes stay. Exit 1 when some could not be.

    Interrupted, it goes on where it was when it is run again: each batch is one transaction.
    """
    failed = 0
    if not arguments.status:
        rotated, failed = await rotate(db, keys, at_once=max(1, arguments.at_once))
        sys.stdout.write(f"{rotated:,} data keys wrapped anew, {failed:,} could not be\n")
    async with db.connection() as conn:
        for master, blobs in (await sealed_keys.count_by_master(conn)).items():
            newest = ", the newest" if master == keys.newest else ""
            sys.stdout.write(f"{master}: {blobs:,} blobs{newest}\n")
    return 1 if failed else 0


async def rotate(db: Database, keys: Keyring, *, at_once: int = BLOBS_AT_ONCE) -> tuple[int, int]:
    """Go through all blobs that another master key wraps; return how many were, how many not."""
    if keys.newest is None:
        raise EncryptionUnavailable("no master key was given")
    rotated = failed = 0
    after = _FIRST
    while True:
        async with db.transaction() as tx:
            found = await sealed_keys.list_wrapped_by_others(
                tx, keys.newest, after=after, limit=at_once
            )
            if not found:
                return rotated, failed
            anew = await _rewrapped(keys, found)
            await sealed_keys.update(tx, anew)
        crashpoint("after_rotation")
        after = max(found)
        rotated += len(anew)
        failed += len(found) - len(anew)


async def _rewrapped(keys: Keyring, found: dict[UUID, SealedKey]) -> dict[UUID, SealedKey]:
    """Wrap what opens; what does not, because its master key is gone, is named and left."""
    anew: dict[UUID, SealedKey] = {}
    for blob_id, sealed in found.items():
        try:
            anew[blob_id] = await rewrapped(keys, sealed, sealed.blob_id or blob_id)
        except (BlobFailure, Damaged) as error:
            sys.stderr.write(f"blob {blob_id}: {error}\n")
    return anew
