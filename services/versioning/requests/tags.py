"""Tags: names of commits that never move."""

from datetime import UTC, datetime

from libs.chassis.bus import Bus
from libs.chassis.database import Database
from libs.chassis.rpc import serves
from libs.contracts.base import Done
from libs.contracts.labels import check_labels
from libs.contracts.pages import fitting
from libs.contracts.versioning import CreateTag, DeleteTag, GetTag, ListTags, TagInfo, TagList
from services.versioning.catching_up import catch_up_if_named
from services.versioning.domain.tags import Tag, encode, id_of
from services.versioning.repository import content, refs, repositories, tags
from services.versioning.repository.signing import Signer
from services.versioning.requests.branches import announce_moved
from services.versioning.settings import Settings


@serves(ListTags)
async def list_tags(request: ListTags, db: Database) -> TagList:
    async with db.connection() as conn:
        repository = await repositories.get_repository(conn, request)
        found = await tags.list_tags(
            conn,
            repository.bucket_id,
            prefix=request.prefix,
            start_after=request.start_after,
            limit=request.limit + 1,
        )
    page = fitting([_info(tag) for tag in found[: request.limit]])
    return TagList(list(page), page[-1].name if len(page) < len(found) else None)


@serves(GetTag)
async def get_tag(request: GetTag, db: Database) -> TagInfo:
    async with db.connection() as conn:
        repository = await repositories.get_repository(conn, request)
        return _info(await tags.get_tag(conn, repository.bucket_id, request.name))


@serves(CreateTag)
async def create_tag(
    request: CreateTag, db: Database, bus: Bus, signer: Signer, settings: Settings
) -> TagInfo:
    check_labels(request.metadata, "metadata")
    await catch_up_if_named(request.source, request.bucket, db, bus, settings.mark_timeout_s)
    async with db.transaction() as tx:
        repository = await repositories.get_repository(tx, request)
        tag = Tag(
            name=request.name,
            commit_id=await refs.get_commit_id(tx, repository.bucket_id, request.source),
            author=request.actor,
            tagged_at=datetime.now(UTC),
            message=request.message,
            metadata=request.metadata,
        )
        # What a tag keeps must not be given up while it is made.
        await content.lock_for_naming(tx, repository.bucket_id)
        await tags.insert_tag(tx, repository.bucket_id, tag)
        await signer.sign(tx, repository.bucket_id, "tag", id_of(encode(tag)))
        await announce_moved(tx, repository, tag.name, None, tag.commit_id, request.actor)
    return _info(tag)


@serves(DeleteTag)
async def delete_tag(request: DeleteTag, db: Database) -> Done:
    async with db.transaction() as tx:
        repository = await repositories.get_repository(tx, request)
        tag = await tags.delete_tag(tx, repository.bucket_id, request.name)
        await announce_moved(tx, repository, tag.name, tag.commit_id, None, request.actor)
    return Done()


def _info(tag: Tag) -> TagInfo:
    return TagInfo(
        name=tag.name,
        commit_id=tag.commit_id.hex(),
        message=tag.message,
        created_at=tag.tagged_at,
        created_by=tag.author,
        tag_id=id_of(encode(tag)).hex(),
        metadata=tag.metadata,
    )
