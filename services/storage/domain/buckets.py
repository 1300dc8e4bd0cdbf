"""What a bucket is and when it takes changes."""

from datetime import datetime
from typing import Literal, Self
from uuid import UUID

from msgspec import Struct

from libs.contracts.storage import BucketInfo
from libs.contracts.values import Versioning
from services.storage.domain.errors import BucketClosing, BucketNotFound
from services.storage.domain.row import Row

BucketState = Literal["open", "closing", "deleted"]


class Bucket(Struct, frozen=True, kw_only=True):
    """A bucket; ``closing`` it takes no changes but by the task that empties it."""

    bucket_id: UUID
    name: str
    versioning: Versioning
    state: BucketState
    closing_task_id: UUID | None
    created_at: datetime
    created_by: str

    @classmethod
    def of(cls, row: Row) -> Self:
        """Read a row that has at least the bucket's columns."""
        return cls(**{name: row[name] for name in cls.__struct_fields__})

    def info(self) -> BucketInfo:
        """Return the bucket as its users see it."""
        return BucketInfo(
            bucket_id=self.bucket_id,
            name=self.name,
            versioning=self.versioning,
            created_at=self.created_at,
            created_by=self.created_by,
        )

    def check_open(self) -> None:
        """Raise ``BucketClosing`` or ``BucketNotFound`` when the bucket takes no changes."""
        if self.state == "deleted":
            raise BucketNotFound(self.name, bucket=self.name)
        if self.state == "closing":
            raise BucketClosing(
                f"{self.name} is being emptied by task {self.closing_task_id}", bucket=self.name
            )
