"""Signing by the installation itself: every commit and tag that it makes, if it has a key."""

from uuid import UUID

from libs.chassis.database import Connection
from libs.chassis.settings import WrongSettings
from services.versioning.domain.errors import InvalidKey
from services.versioning.domain.signatures import Kind, PrivateKey, key_id_of, parse_key
from services.versioning.repository import signatures
from services.versioning.settings import Settings

NAME = "this installation"
OWNER = "service:versioning"


class Signer:
    """Signs with the installation's key; without one it does nothing."""

    def __init__(self, key: PrivateKey | None = None) -> None:
        self._key = key
        self._public_key = None if key is None else key.public_key

    @classmethod
    def of(cls, settings: Settings) -> "Signer":
        """Take the key from ``settings``; raises ``WrongSettings``."""
        if settings.signing_key is None:
            return cls()
        try:
            return cls(PrivateKey(parse_key(settings.signing_key)))
        except InvalidKey:
            raise WrongSettings(
                "STRONGROOM_VERSIONING_SIGNING_KEY: is not 32 bytes in base64"
            ) from None

    async def show(self, tx: Connection, bucket_id: UUID) -> None:
        """Have the public key among those of a bucket, unless it was removed there."""
        if self._public_key is not None:
            await signatures.insert_key(tx, bucket_id, self._public_key, name=NAME, owner=OWNER)

    async def sign(self, tx: Connection, bucket_id: UUID, kind: Kind, target: bytes) -> None:
        """Sign what this transaction makes."""
        if self._key is None or self._public_key is None:
            return
        await self.show(tx, bucket_id)
        await signatures.upsert_signature(
            tx,
            bucket_id,
            key_id_of(self._public_key),
            kind,
            target,
            self._key.sign(kind, target),
            signed_by=OWNER,
        )
