"""How a failure is named. It crosses the bus as data and reaches the HTTP caller unchanged.

A named failure is a subclass of ``Problem`` with a stable code; whoever can act on it catches it,
nobody else does. Anything unnamed is a bug.
"""

from typing import Any, ClassVar

from msgspec import Struct, field


class ProblemDetails(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """RFC 9457 problem details on the bus; ``code`` becomes ``urn:strongroom:problem:<code>``."""

    code: str
    title: str
    status: int
    detail: str = ""
    fields: dict[str, Any] = field(default_factory=dict)
    """Extension members, e.g. which input was wrong."""
    retry_after_s: float | None = None


class Problem(Exception):
    """A failure with a name that the caller can act on; subclass it once per name.

    The docstring's first line is its title.
    """

    code: ClassVar[str] = "internal-error"
    status: ClassVar[int] = 500

    def __init__(
        self, detail: str = "", *, retry_after_s: float | None = None, **fields: Any
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.fields = fields
        self.retry_after_s = retry_after_s

    def details(self) -> ProblemDetails:
        """Return this problem as it crosses the wire."""
        title = (self.__doc__ or self.code).strip().splitlines()[0].rstrip(".")
        return ProblemDetails(
            code=self.code,
            title=title,
            status=self.status,
            detail=self.detail,
            fields=self.fields,
            retry_after_s=self.retry_after_s,
        )


class AnsweredWithProblem(Problem):
    """The service that was asked answered with a problem."""

    def __init__(self, details: ProblemDetails) -> None:
        super().__init__(details.detail, retry_after_s=details.retry_after_s, **details.fields)
        self._details = details

    @property
    def named(self) -> str:
        """The code that the answering service gave."""
        return self._details.code

    def details(self) -> ProblemDetails:
        """Return what was answered, unchanged."""
        return self._details

    def __str__(self) -> str:
        return f"{self._details.code}: {self._details.detail}"


class MalformedRequest(Problem):
    """The request cannot be understood."""

    code, status = "malformed-request", 400


class ServiceUnavailable(Problem):
    """A part of the platform cannot be reached."""

    code, status = "service-unavailable", 503
