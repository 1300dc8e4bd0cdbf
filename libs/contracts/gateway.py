"""What ``services/gateway`` announces: identity."""

from uuid import UUID

from libs.contracts.base import Event
from libs.contracts.values import Actor


class KeyRevoked(Event, frozen=True, type="key.revoked", key="key_id"):
    """An API key stops working; every gateway forgets it at once."""

    key_id: UUID
    actor: Actor
