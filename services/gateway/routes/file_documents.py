"""What the OpenAPI document says of file routes beyond their signatures."""

from dataclasses import dataclass

from litestar.openapi.spec import (
    OpenAPIHeader,
    OpenAPIMediaType,
    OpenAPIResponse,
    OpenAPIType,
    Operation,
    Parameter,
    RequestBody,
    Schema,
)

BINARY = {
    "application/octet-stream": OpenAPIMediaType(
        schema=Schema(type=OpenAPIType.STRING, format="binary")  # type: ignore[arg-type]
    )
}
TEXT = Schema(type=OpenAPIType.STRING)


def _header(name: str, description: str) -> Parameter:
    return Parameter(name=name, param_in="header", schema=TEXT, description=description)


IF_MATCH = _header("If-Match", "Only if the file's ETag is among these.")
IF_NONE_MATCH = _header(
    "If-None-Match", "GET: 304 if the ETag is among these. PUT: `*`, only if new."
)
UPLOAD_HEADERS = [
    _header("Content-Type", "Stored with the file."),
    _header("Repr-Digest", "`sha-256=:<base64>:`; other bytes are refused with 422."),
    _header("Strongroom-Meta-<Key>", "Metadata; percent-encoded where it is not ASCII."),
    _header("Strongroom-Tags", "`a=b&c=d`"),
    IF_MATCH,
    IF_NONE_MATCH,
]
DOWNLOAD_HEADERS = [
    _header("Range", "`bytes=<first>-<last>`; one range at most."),
    _header("If-Range", "An ETag or date; the whole file if it is another one by now."),
    _header("If-Modified-Since", "304 if it was not changed since."),
    IF_MATCH,
    IF_NONE_MATCH,
]
DESCRIBED = {
    name: OpenAPIHeader(schema=TEXT)
    for name in ("ETag", "Last-Modified", "Repr-Digest", "Accept-Ranges", "Content-Disposition")
}


@dataclass
class UploadOperation(Operation):
    """A body of bytes."""

    def __post_init__(self) -> None:
        self.request_body = RequestBody(content=BINARY, required=True)
        self.parameters = [*(self.parameters or []), *UPLOAD_HEADERS]


@dataclass
class ContentOperation(Operation):
    """A body of bytes that becomes no file."""

    def __post_init__(self) -> None:
        self.request_body = RequestBody(content=BINARY, required=True)
        self.parameters = [*(self.parameters or []), *UPLOAD_HEADERS[:2]]


@dataclass
class DownloadOperation(Operation):
    """An answer of bytes."""

    def __post_init__(self) -> None:
        self.parameters = [*(self.parameters or []), *DOWNLOAD_HEADERS]
        found = self.responses or {}
        self.responses = found | {
            "200": OpenAPIResponse("The bytes.", headers=DESCRIBED, content=BINARY),  # type: ignore[arg-type]
            "206": OpenAPIResponse("The range.", headers=DESCRIBED, content=BINARY),  # type: ignore[arg-type]
            "304": OpenAPIResponse("Not modified."),
            "416": OpenAPIResponse("The file does not have this range."),
        }
