"""The operator's command ``damaged``: the blobs that nobody can read."""

import argparse
import sys

import msgspec

from libs.chassis.arguments import argument
from libs.chassis.database import Database
from services.storage.repository import scrubs

AT_ONCE = 500


@argument("--json", action="store_true", help="print one JSON object a line")
async def damaged(arguments: argparse.Namespace, db: Database) -> int:
    """List quarantined blobs and the files that have their bytes: exit 1 when there are any."""
    after, count = None, 0
    while True:
        async with db.connection() as conn:
            found = await scrubs.list_quarantined(conn, after=after, limit=AT_ONCE)
        for blob in found:
            if arguments.json:
                sys.stdout.write(msgspec.json.encode(blob).decode() + "\n")
                continue
            sys.stdout.write(
                f"{blob.sha256}  {blob.size:,} bytes in {blob.backend} {blob.key}: {blob.damage}\n"
            )
            sys.stdout.writelines(f"    {file}\n" for file in blob.files)
            if blob.file_count > len(blob.files):
                sys.stdout.write(f"    and {blob.file_count - len(blob.files):,} more\n")
        count += len(found)
        if len(found) < AT_ONCE:
            break
        after = found[-1].blob_id
    if not count and not arguments.json:
        sys.stdout.write("no damaged blobs are known\n")
    return 1 if count else 0
