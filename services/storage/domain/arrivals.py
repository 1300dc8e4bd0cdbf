"""New content that has arrived: what becomes of it, and what is told of it."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Self
from uuid import UUID

from msgspec import Struct

from libs.contracts.labels import check_content_type, check_metadata, check_tags
from libs.contracts.paths import check_path
from libs.contracts.problems import Problem
from libs.contracts.storage import BlobPlace, Expectation, FileInfo, FilePut, FileStored, NewFile
from libs.contracts.values import Labels, Operation
from services.storage.domain.buckets import Bucket
from services.storage.domain.errors import EncryptionRequired
from services.storage.domain.files import stored


class Committed(Struct, frozen=True, kw_only=True):
    """What a path became."""

    sha256: str
    size: int
    revision: int
    created: bool
    at: datetime


class Arrival(Struct, frozen=True, kw_only=True):
    """Somebody wants the bytes at ``place`` to become the state of ``path``."""

    bucket: Bucket
    path: str
    place: BlobPlace
    actor: str
    content_type: str
    metadata: Labels
    tags: Labels
    expect: Expectation
    operation: Operation = "put"
    message: str = ""

    @classmethod
    def of(cls, file: NewFile, bucket: Bucket) -> Self:
        """Return a new file as the arrival that it is."""
        return cls(
            bucket=bucket,
            path=file.path,
            place=file.blob,
            actor=file.actor,
            content_type=file.content_type,
            metadata=file.metadata,
            tags=file.tags,
            expect=file.expect,
        )

    @property
    def is_checked(self) -> bool:
        """Tell whether it has to pass checks; what a backup brings back was a file before."""
        return bool(self.bucket.settings.checks) and self.operation != "restore"

    def refusal(self) -> Problem | None:
        """Return why the bucket does not take these bytes as they were stored, if it does not."""
        if self.bucket.settings.encryption == "off" or self.place.sealed is not None:
            return None
        return EncryptionRequired(
            f"{self.bucket.name} takes encrypted bytes only", bucket=self.bucket.name
        )

    def answer(self, committed: Committed) -> FilePut:
        """Return what whoever brought it is told."""
        return FilePut(visible=self.file(committed), created=committed.created)

    def file(self, committed: Committed) -> FileInfo:
        """Return the file that it became."""
        return FileInfo(
            bucket=self.bucket.name,
            path=self.path,
            revision=committed.revision,
            sha256=committed.sha256,
            size=committed.size,
            content_type=self.content_type,
            metadata=self.metadata,
            tags=self.tags,
            modified_at=committed.at,
            modified_by=self.actor,
        )

    def stored(self, committed: Committed) -> FileStored:
        """Return the event that tells the new state."""
        file = self.file(committed)
        return stored(self.bucket, file, self.operation, message=self.message)


def check_new(file: NewFile) -> None:
    """Raise what can be said against a file without looking at any bucket."""
    check_path(file.path)
    check_content_type(file.content_type)
    check_metadata(file.metadata)
    check_tags(file.tags)


def in_rounds(arrivals: Sequence[Arrival]) -> Iterator[list[int]]:
    """Yield the positions of ``arrivals`` so that each path is in a round once, in order.

    Two that came for one path at the same time become two revisions of it.
    """
    left = list(range(len(arrivals)))
    while left:
        seen: set[tuple[UUID, str]] = set()
        now: list[int] = []
        later: list[int] = []
        for position in left:
            arrival = arrivals[position]
            place = (arrival.bucket.bucket_id, arrival.path)
            (later if place in seen else now).append(position)
            seen.add(place)
        yield now
        left = later
