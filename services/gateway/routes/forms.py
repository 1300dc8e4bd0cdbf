"""Files out of a form, as browsers send them."""

from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any, cast

from litestar import Request, Response, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.openapi.spec import (
    OpenAPIMediaType,
    OpenAPIType,
    Operation,
    Reference,
    RequestBody,
    Schema,
)
from msgspec import Struct
from msgspec.structs import replace

from libs.contracts.problems import AnsweredWithProblem, Problem
from libs.contracts.storage import (
    BeginUpload,
    Expectation,
    FileCheck,
    FileInfo,
    FilePut,
    GetBucket,
)
from libs.contracts.values import Labels
from services.gateway.domain import conditions, labels, served
from services.gateway.domain.failures import InvalidInput, MalformedHeader
from services.gateway.domain.keys import Identity
from services.gateway.edge.access import Access
from services.gateway.edge.asgi import Receive
from services.gateway.edge.gate import needs
from services.gateway.edge.platform import Platform
from services.gateway.routes.given import Bucket
from services.gateway.transfer.forms import FormBroken, FormPart, Outcome, take_form
from services.gateway.transfer.uploads import Announced, Uploads

Call = Request[Identity, None, State]

_TEXT = Schema(type=OpenAPIType.STRING)
_FIELDS: dict[str, Reference | Schema] = {
    "prefix": Schema(type=OpenAPIType.STRING, description="Stands before the names of files."),
    "path": Schema(type=OpenAPIType.STRING, description="The whole path of the next file."),
    "metadata": Schema(type=OpenAPIType.STRING, description="`a=b&c=d`, for the files after it."),
    "tags": Schema(type=OpenAPIType.STRING, description="`a=b&c=d`, for the files after it."),
    "file": Schema(
        type=OpenAPIType.ARRAY,
        items=Schema(type=OpenAPIType.STRING, format="binary"),  # type: ignore[arg-type]
        description="Under any field name, as many as there are.",
    ),
}


@dataclass
class FormOperation(Operation):
    """A body that is a form."""

    def __post_init__(self) -> None:
        form = Schema(type=OpenAPIType.OBJECT, properties=_FIELDS)
        content = {"multipart/form-data": OpenAPIMediaType(schema=form)}
        self.request_body = RequestBody(content=content, required=True)


class FormFile(Struct, frozen=True, kw_only=True):
    """What became of one file of a form."""

    field: str
    filename: str
    path: str
    status: int
    """201 new, 200 replaced, 202 when it waits for checks, else why it was refused."""
    file: FileInfo | None = None
    check: FileCheck | None = None
    problem: str | None = None
    """The code of the problem."""
    detail: str | None = None

    @classmethod
    def of(cls, outcome: Outcome) -> "FormFile":
        """Tell ``outcome``."""
        told = partial(
            cls, field=outcome.part.field, filename=outcome.part.filename, path=outcome.path
        )
        if outcome.put is not None and outcome.put.check is not None:
            return told(status=HTTPStatus.ACCEPTED, check=outcome.put.check)
        if outcome.put is not None:
            status = HTTPStatus.CREATED if outcome.put.created else HTTPStatus.OK
            return told(status=status, file=outcome.put.file)
        details = (outcome.problem or InvalidInput()).details()
        return told(status=details.status, problem=details.code, detail=details.detail)


class FormAnswer(Struct, frozen=True):
    items: list[FormFile]


@post(
    "/buckets/{bucket:str}/files",
    summary="Put files by a form",
    tags=["Files"],
    opt=needs("write", at="somewhere") | {"streams": True},
    status_code=201,
    request_max_body_size=None,
    operation_class=FormOperation,
)
async def put_form(
    bucket: Bucket,
    request: Call,
    access: NamedDependency[Access],
    platform: NamedDependency[Platform],
    uploads: NamedDependency[Uploads],
) -> Response[FormAnswer]:
    """Store every file of a form, each by itself: 201 when all are stored, 207 when some are, 202
    when some wait for the checks of the bucket.

    When none is, the answer is the first one's problem. A file is named after its part's
    ``filename``, below ``prefix``, or as ``path`` says. Fields count for the files behind them.
    """
    await platform.ask(GetBucket(name=bucket))
    taker = _Files(bucket, request, access, uploads)
    content_type = request.headers.get("content-type", "")
    try:
        outcomes = await take_form(content_type, cast("Receive", request.receive), taker)
    except FormBroken as broken:
        raise _telling(broken.problem, broken.outcomes) from broken
    refused = [outcome.problem for outcome in outcomes if outcome.problem is not None]
    if not outcomes:
        raise InvalidInput("the form has no file")
    if len(refused) == len(outcomes):
        raise _telling(refused[0], outcomes)
    items = [FormFile.of(outcome) for outcome in outcomes]
    waits = any(item.check is not None for item in items)
    return Response(FormAnswer(items), status_code=207 if refused else 202 if waits else 201)


class _Files:
    """Takes the fields and files of one form."""

    def __init__(self, bucket: str, request: Call, access: Access, uploads: Uploads) -> None:
        self._bucket = bucket
        self._actor = request.user.actor
        self._expect: Expectation = conditions.expectation(request.headers)
        self._access = access
        self._uploads = uploads
        self._prefix = ""
        self._path: str | None = None
        self._metadata: Labels = {}
        self._tags: Labels = {}

    def field(self, name: str, value: str) -> None:
        """Take a field for the files behind it."""
        match name:
            case "prefix":
                self._prefix = value
            case "path":
                self._path = value
            case "metadata":
                self._metadata = _labels(name, value)
            case "tags":
                self._tags = _labels(name, value)
            case _:
                raise InvalidInput(f"there is no field {name!r}", field=name)

    def begin(self, part: FormPart) -> BeginUpload:
        """Return the intent: the path that was given, or the file's own name below the prefix."""
        path, self._path = self._path, None
        return BeginUpload(
            bucket=self._bucket,
            path=path if path is not None else f"{self._prefix}{part.filename}",
            actor=self._actor,
            content_type=part.content_type or "application/octet-stream",
            metadata=self._metadata,
            tags=self._tags,
            expect=self._expect,
        )

    async def store(self, begin: BeginUpload, part: FormPart, body: Receive) -> FilePut:
        """Store one file, where the caller may."""
        if not served.is_content_type(begin.content_type):
            raise InvalidInput("this is no media type", field=part.field)
        await self._access.check(self._bucket, begin.path, "writer")
        announced = Announced(
            size=None, digests=frozenset(), content_type=part.content_type is not None
        )
        return await self._uploads.put(begin, announced, body)


def _labels(name: str, value: str) -> Labels:
    try:
        return labels.read_tags(value)
    except MalformedHeader as problem:
        raise InvalidInput(problem.detail, field=name) from problem


def _telling(problem: Problem, outcomes: list[Outcome]) -> Problem:
    """Return the problem with what became of each file."""
    details = problem.details()
    items: list[dict[str, Any]] = [
        {"path": told.path, "status": told.status, "problem": told.problem}
        for told in map(FormFile.of, outcomes)
    ]
    return AnsweredWithProblem(replace(details, fields=details.fields | {"items": items}))


ROUTES = [put_form]
