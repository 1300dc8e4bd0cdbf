"""Direct uploads: an upload session, and a draft beside it that the client writes itself.

The commit of the file is that of every session, so a completion that is asked for again is answered
as the first time.
"""

from libs.chassis.database import Database
from libs.chassis.rpc import serves
from libs.contracts.base import Done
from libs.contracts.ids import new_id
from libs.contracts.storage import (
    BeginDirectUpload,
    BeginSession,
    DirectUpload,
    DiscardDraft,
    GetDirectUpload,
    GetSession,
)
from services.storage.domain.uploads import draft_key
from services.storage.repository import direct_uploads
from services.storage.repository.direct_uploads import Draft
from services.storage.requests.sessions import begin_session, get_session
from services.storage.settings import Settings


@serves(BeginDirectUpload)
async def begin_direct_upload(
    request: BeginDirectUpload, db: Database, settings: Settings
) -> DirectUpload:
    begin = BeginSession(wish=request.wish, actor=request.actor, length=request.length)
    session = await begin_session(begin, db, settings)
    draft = Draft(key=draft_key(new_id()), most_bytes=request.most_bytes)
    # A put that was begun in the last moment may go on for a while.
    ends_s = request.lasts_s + settings.orphan_margin_s
    async with db.transaction() as tx:
        await direct_uploads.insert(tx, session.session_id, draft, ends_s=ends_s)
    return DirectUpload(session=session, key=draft.key, most_bytes=draft.most_bytes)


@serves(GetDirectUpload)
async def get_direct_upload(request: GetDirectUpload, db: Database) -> DirectUpload:
    session = await get_session(GetSession(session_id=request.session_id, actor=request.actor), db)
    async with db.connection() as conn:
        draft = await direct_uploads.get(conn, request.session_id)
    return DirectUpload(session=session, key=draft.key, most_bytes=draft.most_bytes)


@serves(DiscardDraft)
async def discard_draft(request: DiscardDraft, db: Database) -> Done:
    async with db.connection() as conn:
        await direct_uploads.doom_draft(conn, request.session_id)
    return Done()
