"""Direct uploads: the client puts bytes into the object store itself, then asks for the file."""

from typing import Annotated
from uuid import UUID

from msgspec import Meta

from libs.contracts.base import Done, Reply, Request
from libs.contracts.storage.sessions import SessionInfo, SessionWish
from libs.contracts.values import Actor, ByteCount

LONGEST_DIRECT_S = 12 * 3600


class DirectUpload(Reply, frozen=True):
    """Bytes may be put at ``key``, from which nothing is ever served: they are a draft."""

    session: SessionInfo
    """What is to become of them, or became of them already."""
    key: str
    most_bytes: ByteCount | None = None


class BeginDirectUpload(Request[DirectUpload], to="storage", frozen=True):
    """Record that bytes may come, before anybody is told where to put them."""

    wish: SessionWish
    actor: Actor
    lasts_s: Annotated[int, Meta(ge=1, le=LONGEST_DIRECT_S)]
    """How long the client may put bytes; what lies there is deleted after that."""
    length: ByteCount | None = None
    most_bytes: ByteCount | None = None


class GetDirectUpload(Request[DirectUpload], to="storage", frozen=True):
    session_id: UUID
    actor: Actor | None = None
    """Only if it is this one's; None: whosever."""


class DiscardDraft(Request[Done], to="storage", frozen=True):
    """Delete what was put: it is a file by now, or never will be."""

    session_id: UUID
