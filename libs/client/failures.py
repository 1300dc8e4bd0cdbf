"""What can go wrong between a program and the platform, each failure as one clear line."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import msgspec

PROBLEM_PREFIX = "urn:strongroom:problem:"
_MEMBERS = frozenset({"type", "title", "status", "detail", "instance"})


class ClientFailure(Exception):
    """Base of every failure of this package; ``str()`` is one line for people."""


class NoPlatform(ClientFailure):
    """Nothing says where the platform is."""


class Usage(ClientFailure):
    """What was asked for makes no sense; asking differently helps."""


class FileNotFound(ClientFailure):
    """There is no such file, as far as this key may see."""


class Unreachable(ClientFailure):
    """The platform does not answer, and was asked often enough."""

    @classmethod
    def at(cls, url: str, error: Exception) -> "Unreachable":
        """Tell that ``url`` could not be reached because of ``error``."""
        return cls(f"cannot reach {url}: {str(error) or type(error).__name__}")


class UnexpectedAnswer(ClientFailure):
    """Something answered that does not speak this API."""


class DigestMismatch(ClientFailure):
    """The bytes that arrived are not the bytes that were promised."""


class FileRefused(ClientFailure):
    """The checks of its bucket refused a file, or nobody made them in time."""


class ChangedMeanwhile(ClientFailure):
    """A file changed while it was being read, and what was read cannot be taken back."""


class TaskFailed(ClientFailure):
    """A task that was waited for did not succeed."""


class ApiProblem(ClientFailure):
    """The platform answered with a problem (RFC 9457); ``code`` is stable, ``detail`` is not."""

    def __init__(
        self,
        code: str,
        status: int,
        *,
        title: str = "",
        detail: str = "",
        fields: dict[str, Any] | None = None,
        retry_after_s: float | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(code, status)
        self.code = code
        self.status = status
        self.title = title
        self.detail = detail
        self.fields = fields or {}
        """Extension members, e.g. which input was wrong."""
        self.retry_after_s = retry_after_s
        self.request_id = request_id

    @classmethod
    def of(cls, response: httpx.Response) -> "ApiProblem":
        """Read the problem in a response whose body was read; any error answer will do."""
        return cls.read(
            {"title": response.reason_phrase} | _body(response),
            status=response.status_code,
            retry_after_s=retry_after_s(response.headers.get("retry-after")),
            request_id=response.headers.get("x-request-id"),
        )

    @classmethod
    def read(cls, body: dict[str, Any], *, status: int | None = None, **more: Any) -> "ApiProblem":
        """Read a problem from its JSON; ``status`` is that of the answer, if it came as one."""
        kind = str(body.get("type", ""))
        status = status or int(body.get("status", 500))
        code = kind.removeprefix(PROBLEM_PREFIX) if kind.startswith(PROBLEM_PREFIX) else ""
        return cls(
            code or f"http-{status}",
            status,
            title=str(body.get("title", "") or ""),
            detail=str(body.get("detail", "") or ""),
            fields={name: value for name, value in body.items() if name not in _MEMBERS},
            **more,
        )

    @property
    def is_named(self) -> bool:
        """Tell whether the platform itself said this, and not something before it."""
        return not self.code.startswith("http-")

    def __str__(self) -> str:
        said = ": ".join(part for part in (self.title, self.detail) if part)
        hint = f" (request {self.request_id})" if self.status >= 500 and self.request_id else ""
        return f"{said or f'status {self.status}'} [{self.code}]{hint}"


def retry_after_s(value: str | None, now: datetime | None = None) -> float | None:
    """Return the seconds that a ``Retry-After`` header asks for: a number or an HTTP date."""
    if not value:
        return None
    if value.strip().isdecimal():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, (moment - (now or datetime.now(UTC))).total_seconds())


def _body(response: httpx.Response) -> dict[str, Any]:
    try:
        return msgspec.json.decode(response.content, type=dict[str, Any])
    except (msgspec.DecodeError, httpx.ResponseNotRead):
        return {}
