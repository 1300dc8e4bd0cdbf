"""What a bucket is and when it takes changes."""

from datetime import datetime
from typing import Literal, Self
from uuid import UUID

import msgspec
from msgspec import UNSET, Struct
from msgspec.structs import asdict, replace

from libs.contracts.storage import BucketInfo, BucketSettings, BucketSettingsChange
from libs.contracts.values import Versioning
from services.storage.domain.errors import BranchProtected, BucketClosing, BucketNotFound
from services.storage.domain.row import Row

BucketState = Literal["open", "closing", "deleted"]


class Bucket(Struct, frozen=True, kw_only=True):
    """A bucket; ``closing`` it takes no changes but by the task that empties it."""

    bucket_id: UUID
    name: str
    versioning: Versioning
    settings: BucketSettings
    state: BucketState
    closing_task_id: UUID | None
    created_at: datetime
    created_by: str

    @classmethod
    def of(cls, row: Row) -> Self:
        """Read a row that has at least the bucket's columns."""
        known = {name: row[name] for name in cls.__struct_fields__}
        known["settings"] = msgspec.convert(known["settings"], BucketSettings)
        return cls(**known)

    def info(self) -> BucketInfo:
        """Return the bucket as its users see it."""
        return BucketInfo(
            bucket_id=self.bucket_id,
            name=self.name,
            versioning=self.versioning,
            created_at=self.created_at,
            created_by=self.created_by,
            **asdict(self.settings),
        )

    def check_open(self) -> None:
        """Raise ``BucketClosing`` or ``BucketNotFound`` when the bucket takes no changes."""
        if self.state == "deleted":
            raise BucketNotFound(self.name, bucket=self.name)
        if self.state == "closing":
            raise BucketClosing(
                f"{self.name} is being emptied by task {self.closing_task_id}", bucket=self.name
            )

    def check_unprotected(self, *, commit_id: str | None = None) -> None:
        """Raise ``BranchProtected`` when files change by commits only, and this is none."""
        if self.settings.protected and commit_id is None:
            raise BranchProtected(
                "write on another branch and merge it into main", bucket=self.name, branch="main"
            )


def settings_of(wish: BucketSettings) -> BucketSettings:
    """Return only the settings of a message that carries more than them."""
    return BucketSettings(**{name: getattr(wish, name) for name in _SETTINGS})


def changed(settings: BucketSettings, change: BucketSettingsChange) -> BucketSettings:
    """Return ``settings`` with what ``change`` gives."""
    given = {name: getattr(change, name) for name in _SETTINGS}
    return replace(settings, **{name: value for name, value in given.items() if value is not UNSET})


_SETTINGS = BucketSettings.__struct_fields__
