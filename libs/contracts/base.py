"""The two kinds of message: a fact that happened, and a question with one answer.

Names follow from the class: ``FileStored`` declares its event type and the field that is its
subject's key; ``CommitUpload`` declares its owner, and is asked on ``rpc.storage.commit_upload``.
"""

import re
from datetime import UTC, datetime
from typing import Any, ClassVar, Generic, TypeVar, get_args
from uuid import UUID

from msgspec import Struct, StructMeta, field

from libs.contracts.ids import new_id

EVENTS: dict[str, type["Event"]] = {}
"""Every event type of this package by its wire name."""

REQUESTS: dict[str, type["Request[Any]"]] = {}
"""Every request of this package by its subject."""


class _EventMeta(StructMeta):
    """Takes the wire name and the key field as class keywords, and keeps the register."""

    def __new__(
        mcls,
        name: str,
        bases: tuple[type, ...],
        namespace: dict[str, Any],
        *,
        type: str = "",  # noqa: A002 - the keyword of `class FileStored(Event, type=...)`
        key: str = "",
        **options: Any,
    ) -> Any:
        cls: Any = super().__new__(mcls, name, bases, namespace, **options)
        if type:
            if type in EVENTS:
                raise TypeError(f"two events are named {type!r}")
            cls.type = type
            cls.key_field = key
            EVENTS[type] = cls
        return cls


class Event(Struct, metaclass=_EventMeta, frozen=True, kw_only=True):
    """A fact, published after its transaction commits. New fields need a default."""

    type: ClassVar[str]
    """The wire name, ``<noun>.<past participle>``, stable for ever."""

    key_field: ClassVar[str]
    """The field whose value ends the subject, so that consumers can filter by it."""

    event_id: UUID = field(default_factory=new_id)
    occurred_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def subject(self) -> str:
        """Return ``<type>.<key>``, e.g. ``file.stored.reports``."""
        return f"{self.type}.{getattr(self, self.key_field)}"

    @classmethod
    def every(cls, key: str = "*") -> str:
        """Return the subject to subscribe to: of one key, or of all."""
        return f"{cls.type}.{key}"


class Reply(Struct, frozen=True, kw_only=True):
    """The answer to a request, unless it is a problem."""


class Done(Reply, frozen=True):
    """It is so now, and there is nothing more to say."""


R = TypeVar("R", bound=Reply)


class _RequestMeta(StructMeta):
    """Takes the owner as a class keyword and derives the subject from the class name."""

    def __new__(
        mcls,
        name: str,
        bases: tuple[type, ...],
        namespace: dict[str, Any],
        *,
        to: str = "",
        **options: Any,
    ) -> Any:
        cls: Any = super().__new__(mcls, name, bases, namespace, **options)
        if to:
            cls.owner = to
            cls.subject = f"rpc.{to}.{_snake(name)}"
            REQUESTS[cls.subject] = cls
        return cls


class Request(
    Struct,
    Generic[R],
    metaclass=_RequestMeta,
    frozen=True,
    kw_only=True,
):
    """A question to the one service that owns the answer, ``R``."""

    owner: ClassVar[str]
    subject: ClassVar[str]

    @classmethod
    def reply(cls) -> type[R]:
        """Return the struct that answers this request."""
        answer: type[R] = get_args(cls.__orig_bases__[0])[0]  # type: ignore[attr-defined]
        return answer


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
