"""A target as the service knows it, and what others may know of it."""

from datetime import datetime
from uuid import UUID

from msgspec import Struct

from libs.contracts.backup import TargetInfo, TargetName
from libs.contracts.values import Actor
from services.backup.domain.target_url import redacted


class Target(Struct, frozen=True, kw_only=True):
    target_id: UUID
    name: TargetName
    url: str
    """With its secrets: for opening the store, never for a message."""
    repository_id: UUID
    durability: str
    created_by: Actor
    created_at: datetime

    def __repr__(self) -> str:
        return f"Target(name={self.name!r}, url={redacted(self.url)!r})"

    def info(self) -> TargetInfo:
        return TargetInfo(
            target_id=self.target_id,
            name=self.name,
            url=redacted(self.url),
            durability=self.durability,
            created_at=self.created_at,
        )
