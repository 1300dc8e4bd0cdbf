"""Signed links: made for a key, admitted as that key, within what was signed."""

import time
from collections import OrderedDict
from datetime import UTC, datetime
from urllib.parse import parse_qsl
from uuid import UUID

from msgspec import Struct

from libs.chassis.database import Database
from services.gateway.domain import links as rules
from services.gateway.domain import paths
from services.gateway.domain.failures import InvalidInput, LinkRefused, NotFound
from services.gateway.domain.keys import Identity
from services.gateway.domain.links import SIGNATURE, Terms
from services.gateway.edge.asgi import RAW_FILE, Message, Receive, Scope, header
from services.gateway.edge.keys import Keys
from services.gateway.edge.known_buckets import KnownBuckets
from services.gateway.edge.rates import Rates
from services.gateway.repository import signed_urls
from services.gateway.repository.signed_urls import IssuedLink

BELIEVE_S = 30.0
"""How long a link is believed good without looking again: so long one that was taken back works."""

MOST_REMEMBERED = 10_000


class Admission(Struct, frozen=True):
    """Who calls by a link, and the body as far as the link is good for it."""

    identity: Identity
    receive: Receive


class Links:
    """Signs links, admits their holders and takes links back."""

    def __init__(
        self, db: Database, buckets: KnownBuckets, keys: Keys, rates: Rates, secret: bytes
    ) -> None:
        self._db = db
        self._buckets = buckets
        self._keys = keys
        self._rates = rates
        self._secret = rules.derive_secret(secret)
        self._believed: OrderedDict[UUID, float] = OrderedDict()

    async def sign(self, terms: Terms, bucket: str, path: str) -> str:
        """Return the signature of a new link."""
        async with self._db.connection() as conn:
            await signed_urls.insert(conn, terms, path)
        return rules.sign(self._secret, terms, bucket, path)

    async def list(
        self, bucket_id: UUID, *, of_key: UUID | None, before: UUID | None, limit: int
    ) -> list[IssuedLink]:
        """Return a page of the links that work."""
        async with self._db.connection() as conn:
            return await signed_urls.list_page(
                conn, bucket_id, of_key=of_key, before=before, limit=limit
            )

    async def revoke(self, bucket_id: UUID, link_id: UUID, *, of_key: UUID | None) -> None:
        """Take a link back: here at once, elsewhere within ``BELIEVE_S``; raises ``NotFound``."""
        async with self._db.connection() as conn:
            if not await signed_urls.revoke(conn, bucket_id, link_id, of_key=of_key):
                raise NotFound("there is no such link")
        self._believed.pop(link_id, None)

    async def admit(self, scope: Scope, receive: Receive, address: str) -> Admission:
        """Let a signed call to a file in; raises ``LinkRefused``.

        What is signed here is looked at first: nobody learns from a forged link whether there is
        such a bucket or file.
        """
        if header(scope, b"authorization") is not None:
            raise InvalidInput("send an API key or use a link, not both")
        query = dict(parse_qsl(scope["query_string"].decode("ascii"), keep_blank_values=True))
        bucket: str = scope["path_params"]["bucket"]
        path = paths.decode(scope[RAW_FILE])
        terms = self._verify(query[SIGNATURE], bucket, path, address)
        terms.check_call(scope["method"], frozenset(query), datetime.now(UTC))
        if scope["method"] == "PUT":
            terms.check_head(header(scope, b"content-type"), _length(scope))
            receive = _within(terms, receive)
        await self._check_good(terms, bucket)
        identity = await self._keys.stand_in(terms.key_id)
        if identity is None:
            raise LinkRefused("the API key that made the link does not work any more")
        return Admission(identity, receive)

    def _verify(self, signature: str, bucket: str, path: str, address: str) -> Terms:
        self._rates.check_refusals(address)
        try:
            return rules.verify(self._secret, signature, bucket, path)
        except LinkRefused:
            self._rates.note_refusal(address)
            raise

    async def _check_good(self, terms: Terms, bucket: str) -> None:
        """Raise when the link was taken back, or its bucket is gone."""
        asked_at = time.monotonic()
        if not await self._is_of(bucket, terms) and not await self._is_of(bucket, terms, asked_at):
            raise LinkRefused("the bucket that the link was made for is gone")
        if self._believed.get(terms.link_id, 0.0) > time.monotonic():
            return
        async with self._db.connection() as conn:
            if not await signed_urls.is_good(conn, terms.link_id):
                raise LinkRefused("the link was taken back")
        self._believed[terms.link_id] = time.monotonic() + BELIEVE_S
        if len(self._believed) > MOST_REMEMBERED:
            self._believed.popitem(last=False)

    async def _is_of(self, bucket: str, terms: Terms, since: float = 0.0) -> bool:
        """Tell whether the bucket of this name, as it was then or later, is the link's."""
        known = await self._buckets.get(bucket, since=since)
        return known.info.bucket_id == terms.bucket_id


def _length(scope: Scope) -> int | None:
    """Return the announced length; one that is none is refused later, by name."""
    length = header(scope, b"content-length")
    return int(length) if length is not None and length.isascii() and length.isdigit() else None


def _within(terms: Terms, receive: Receive) -> Receive:
    """Return ``receive`` that raises as soon as the body is not what the link is good for."""
    size = 0

    async def measured() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        terms.check_length(size, complete=not message.get("more_body", False))
        return message

    return measured
