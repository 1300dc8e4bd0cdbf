"""What a lock is, what it keeps from happening, and who may change it how."""

from datetime import datetime, timedelta
from typing import Self

from msgspec import Struct

from libs.contracts.storage import FileLock, LockMode, SetLock
from services.storage.domain.errors import FileLocked, InvalidLock, LockKept
from services.storage.domain.row import Row

LONGEST = timedelta(days=36_500)


class Lock(Struct, frozen=True, kw_only=True):
    """What keeps one state of a file."""

    mode: LockMode | None
    retain_until: datetime | None
    legal_hold: bool
    set_at: datetime
    set_by: str

    @classmethod
    def of(cls, row: Row) -> Self:
        """Read a row of ``file_lock``."""
        return cls(**{name: row[name] for name in cls.__struct_fields__})

    def retains(self, now: datetime) -> bool:
        """Tell whether the time that it is kept for has not ended."""
        return self.retain_until is not None and self.retain_until > now

    @property
    def locks(self) -> bool:
        """Whether this keeps anything at all."""
        return self.legal_hold or self.retain_until is not None

    def info(self, path: str, revision: int) -> FileLock:
        """Return the lock as its users see it."""
        return FileLock(
            path=path,
            revision=revision,
            mode=self.mode,
            retain_until=self.retain_until,
            legal_hold=self.legal_hold,
            set_at=self.set_at,
            set_by=self.set_by,
        )

    def refusal(self, path: str) -> FileLocked:
        """Return why nothing may happen to ``path``, and until when."""
        until = "its legal hold is lifted" if self.legal_hold else f"{self.retain_until:%c} UTC"
        return FileLocked(
            f"{path!r} stays as it is until {until}",
            path=path,
            mode=self.mode,
            retain_until=None if self.retain_until is None else self.retain_until.isoformat(),
            legal_hold=self.legal_hold,
        )


def wanted(wish: SetLock, now: datetime) -> Lock:
    """Return the lock that is asked for; raises ``InvalidLock``, naming the field."""
    if (wish.mode is None) != (wish.retain_until is None):
        missing = "mode" if wish.mode is None else "retain_until"
        raise InvalidLock("mode and retain_until are given together", field=missing)
    if wish.retain_until is not None:
        if wish.retain_until.tzinfo is None:
            raise InvalidLock("a time needs a zone", field="retain_until")
        if not now < wish.retain_until <= now + LONGEST:
            raise InvalidLock("the time has to lie within the next century", field="retain_until")
    return Lock(
        mode=wish.mode,
        retain_until=wish.retain_until,
        legal_hold=wish.legal_hold,
        set_at=now,
        set_by=wish.actor,
    )


def check_change(before: Lock | None, after: Lock, wish: SetLock, now: datetime) -> None:
    """Raise ``LockKept`` unless who asks may put ``after`` in place of ``before``.

    To add or lengthen is free. A hold is lifted by an owner. A governance lock is shortened,
    lifted or softened by an owner who says so; a compliance lock by nobody.
    """
    if before is None:
        return
    if before.legal_hold and not after.legal_hold and not wish.as_owner:
        raise LockKept("only an owner of the bucket lifts a legal hold", path=wish.path)
    if not before.retains(now) or not _weaker(before, after):
        return
    if before.mode == "compliance":
        raise LockKept(
            "nobody lifts or shortens a compliance lock",
            path=wish.path,
            retain_until=_said(before.retain_until),
        )
    if not (wish.as_owner and wish.bypass_governance):
        raise LockKept(
            "an owner of the bucket has to say bypass_governance",
            path=wish.path,
            retain_until=_said(before.retain_until),
        )


def _weaker(before: Lock, after: Lock) -> bool:
    if after.retain_until is None or before.retain_until is None:
        return True
    softer = before.mode == "compliance" and after.mode != "compliance"
    return softer or after.retain_until < before.retain_until


def _said(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
