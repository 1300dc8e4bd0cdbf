"""``buckets``: create, list, change settings, remove."""

from typing import Annotated, Any

import msgspec
from cyclopts import App, Parameter

from libs.client.cli.changing import confirm
from libs.client.cli.connect import FOUND, Connect
from libs.client.cli.groups import PLATFORM
from libs.client.cli.output import AsJson, counted, print_json, print_table, say, tell, when
from libs.client.cli.tasks import follow
from libs.client.failures import FileNotFound, Usage
from libs.contracts.storage import BucketInfo, BucketSettings
from libs.contracts.values import Versioning

buckets = App(
    name="buckets", group=PLATFORM, help="Buckets: create, list, set, remove, bring back."
)


@buckets.command
async def create(
    name: str,
    /,
    *,
    versioning: Annotated[Versioning, Parameter(help="Keep every state of every file?")] = "auto",
    connect: Connect = FOUND,
) -> None:
    """Create a bucket: 3 to 63 lower-case letters, digits and hyphens."""
    async with connect.client() as client:
        bucket = await client.buckets.create(name, versioning=versioning)
    say(f"created {bucket.name}")


@buckets.command(name="ls")
async def list_buckets(*, json: AsJson = False, connect: Connect = FOUND) -> None:
    """List buckets."""
    async with connect.client() as client:
        found = [bucket async for bucket in client.buckets.list()]
    if json:
        print_json(found)
        return
    rows = [(one.name, one.versioning, when(one.created_at), one.created_by) for one in found]
    print_table(("bucket", "versioning", "created", "by"), rows)


@buckets.command(name="set")
async def set_settings(
    name: str,
    /,
    *settings: Annotated[
        str, Parameter(help="e.g. trash_s=2592000 quota_bytes=null compression=auto")
    ],
    connect: Connect = FOUND,
) -> None:
    """Change settings of a bucket and show them; values are JSON, or plain words."""
    wanted = dict(map(_setting, settings))
    async with connect.client() as client:
        if wanted:
            bucket = await client.buckets.update(name, **wanted)
        else:
            bucket = await client.buckets.get(name)
    print_table(("setting", "value"), _settings(bucket))


@buckets.command(name="rm")
async def remove(
    name: str,
    /,
    *,
    force: Annotated[
        bool, Parameter(negative=(), help="With all its files; follows the task.")
    ] = False,
    yes: Annotated[
        bool, Parameter(name=["--yes", "-y"], negative=(), help="Do not ask before.")
    ] = False,
    connect: Connect = FOUND,
) -> None:
    """Remove an empty bucket, or with --force one with everything in it."""
    async with connect.client() as client:
        if not force:
            await client.buckets.delete(name)
            return
        if not yes:
            confirm(f"Remove {name} with all its files?")
        task = await client.buckets.delete_with_files(name)
        await follow(client, task)


@buckets.command(name="deleted")
async def list_deleted(*, json: AsJson = False, connect: Connect = FOUND) -> None:
    """List deleted buckets that can still be brought back."""
    async with connect.client() as client:
        found = await client.buckets.deleted()
    if json:
        print_json(found)
        return
    rows = [(one.bucket_id, one.name, when(one.deleted_at), when(one.gone_at)) for one in found]
    print_table(("id", "bucket", "deleted", "until"), rows)


@buckets.command
async def undelete(
    bucket: Annotated[str, Parameter(help="Its name, or its id; see `buckets deleted`.")],
    /,
    *,
    connect: Connect = FOUND,
) -> None:
    """Bring a deleted bucket back, with its files and its history."""
    async with connect.client() as client:
        # Of several with one name the last deleted is meant; it is the first in the list.
        for one in await client.buckets.deleted():
            if bucket in (one.name, str(one.bucket_id)):
                back = await client.buckets.undelete(one.bucket_id)
                say(f"{back.bucket.name} is back, with {counted(back.files, 'file')}")
                if back.detail:
                    tell(back.detail, style="yellow")
                return
    raise FileNotFound(f"no deleted bucket {bucket} can be brought back; see `buckets deleted`")


def _setting(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals:
        raise Usage(f"{text!r} is no setting=value")
    try:
        return name, msgspec.json.decode(value)
    except msgspec.DecodeError:
        return name, value


def _settings(bucket: BucketInfo) -> list[tuple[str, str]]:
    names = ("versioning", *BucketSettings.__struct_fields__)
    return [(name, msgspec.json.encode(getattr(bucket, name)).decode()) for name in names]
