"""Who calls: API keys, verified against the table and believed for a little while."""

import asyncio
import hashlib
import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Self
from uuid import UUID

from msgspec import Struct

from libs.chassis import outbox
from libs.chassis.bus import Bus
from libs.chassis.database import Database
from libs.contracts import envelope
from libs.contracts.gateway import KeyRevoked
from libs.contracts.ids import new_id
from libs.contracts.values import PrincipalName
from services.gateway.domain import keys as rules
from services.gateway.domain.failures import NotFound, Unauthorized, key_needed
from services.gateway.domain.keys import Identity, KnownKey, Scope
from services.gateway.edge.cancelling import cancel
from services.gateway.edge.rates import Rates
from services.gateway.live.feed import Event, Feed
from services.gateway.repository import api_keys
from services.gateway.settings import Settings

MOST_REMEMBERED = 10_000
BOOTSTRAP = "service:gateway"

log = logging.getLogger(__name__)


class IssuedKey(Struct, frozen=True):
    """A new key, with the only sight of its secret."""

    known: KnownKey
    text: str


class Keys:
    """Verifies, issues and revokes. A revocation anywhere is heard here at once."""

    def __init__(self, db: Database, bus: Bus, rates: Rates, settings: Settings) -> None:
        self._db = db
        self._bus = bus
        self._rates = rates
        self._admin_key = settings.admin_key
        self._believe_s = settings.key_cache_s
        self._believed: OrderedDict[bytes, tuple[Identity, float]] = OrderedDict()
        self._listening: asyncio.Task[None] | None = None
        self._on_revoked: list[Callable[[UUID], None]] = []

    async def __aenter__(self) -> Self:
        await self._make_admin_key_known()
        feed = Feed(self._bus, "GATEWAY", [KeyRevoked.every()])
        self._listening = asyncio.create_task(feed.run(self._hear), name="key-revocations")
        return self

    async def __aexit__(self, *failure: object) -> None:
        if self._listening is not None:
            await cancel([self._listening])

    def when_revoked(self, listener: Callable[[UUID], None]) -> None:
        """Call ``listener`` with the id of every key that stops working."""
        self._on_revoked.append(listener)

    async def identify(self, authorization: str | None, address: str) -> Identity:
        """Return who presents ``Authorization: Bearer …``; raises ``Unauthorized``.

        An address that presented many wrong keys is refused before any work is done for it.
        """
        token = _bearer(authorization)
        known_as = hashlib.sha256(token.encode("utf-8", "replace")).digest()
        believed = self._believed.get(known_as)
        if believed is not None and believed[1] > time.monotonic() and not _expired(believed[0]):
            return believed[0]
        self._rates.check_refusals(address)
        identity = await self._verify(token)
        if identity is None:
            self._rates.note_refusal(address)
            raise Unauthorized("the API key is not valid")
        self._believe(known_as, identity)
        return identity

    async def stand_in(self, key_id: UUID) -> Identity | None:
        """Return whose key this is while it works, for what the key vouched for earlier."""
        known_as = key_id.bytes  # shorter than any digest of a token
        believed = self._believed.get(known_as)
        if believed is not None and believed[1] > time.monotonic() and not _expired(believed[0]):
            return believed[0]
        identity = rules.standing(await self.find(key_id), datetime.now(UTC))
        if identity is not None:
            self._believe(known_as, identity)
        return identity

    async def issue(
        self,
        *,
        name: str,
        scopes: frozenset[Scope],
        user: PrincipalName | None,
        groups: frozenset[PrincipalName],
        expires_at: datetime | None,
        actor: str,
    ) -> IssuedKey:
        """Make a new key."""
        secret = rules.new_secret()
        known = KnownKey(
            key_id=new_id(),
            name=name,
            secret_hash=rules.hash_secret(secret),
            scopes=scopes,
            created_by=actor,
            created_at=datetime.now(UTC),
            user=user,
            groups=groups,
            expires_at=expires_at,
        )
        async with self._db.transaction() as tx:
            await api_keys.insert_if_absent(tx, known)
        return IssuedKey(known, rules.spell(known.key_id, secret))

    async def find(self, key_id: UUID) -> KnownKey | None:
        """Return what is known of a key, whatever its state."""
        async with self._db.connection() as conn:
            return await api_keys.find(conn, key_id)

    async def list(self, *, before: UUID | None, limit: int) -> list[KnownKey]:
        """Return a page of the keys that work or have expired."""
        async with self._db.connection() as conn:
            return await api_keys.list_page(conn, before=before, limit=limit)

    async def revoke(self, key_id: UUID, actor: str) -> None:
        """Make the key worthless everywhere; raises ``NotFound``."""
        async with self._db.transaction() as tx:
            if not await api_keys.revoke(tx, key_id, datetime.now(UTC)):
                raise NotFound("there is no such API key")
            await outbox.add(tx, KeyRevoked(key_id=key_id, actor=actor))
        self._forget(key_id)

    async def _verify(self, token: str) -> Identity | None:
        presented = rules.parse(token)
        if presented is None:
            return None
        known = await self.find(presented.key_id)
        return rules.identify(presented, known, datetime.now(UTC))

    async def _make_admin_key_known(self) -> None:
        presented = rules.parse(self._admin_key)
        if presented is None:
            raise ValueError("the admin key has another form than its setting demands")
        known = KnownKey(
            key_id=presented.key_id,
            name="admin",
            secret_hash=presented.secret_hash,
            scopes=frozenset({"admin"}),
            created_by=BOOTSTRAP,
            created_at=datetime.now(UTC),
        )
        async with self._db.transaction() as tx:
            await api_keys.insert_if_absent(tx, known)

    async def _hear(self, event: Event) -> None:
        try:
            revoked = envelope.decode(event.headers, event.body)
        except (envelope.UnknownEvent, envelope.UnreadableEvent) as error:
            log.warning("a revocation cannot be read: %s", error)
            return
        if isinstance(revoked, KeyRevoked):
            self._forget(revoked.key_id)

    def _forget(self, key_id: UUID) -> None:
        for known_as, (identity, _) in list(self._believed.items()):
            if identity.key_id == key_id:
                del self._believed[known_as]
        for listener in self._on_revoked:
            listener(key_id)

    def _believe(self, known_as: bytes, identity: Identity) -> None:
        self._believed[known_as] = (identity, time.monotonic() + self._believe_s)
        if len(self._believed) > MOST_REMEMBERED:
            self._believed.popitem(last=False)


def _bearer(authorization: str | None) -> str:
    if authorization is None:
        raise key_needed()
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer":
        raise Unauthorized("only Authorization: Bearer is understood")
    return token.strip()


def _expired(identity: Identity) -> bool:
    return identity.expires_at is not None and identity.expires_at <= datetime.now(UTC)
