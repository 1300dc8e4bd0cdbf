"""What the OpenAPI document says of tus beyond its routes' signatures."""

from dataclasses import dataclass

from litestar.openapi.spec import (
    OpenAPIMediaType,
    OpenAPIType,
    Operation,
    Parameter,
    RequestBody,
    Schema,
)

from services.gateway.domain.tus import ALGORITHMS, MEDIA_TYPE, VERSION

BYTES = {
    MEDIA_TYPE: OpenAPIMediaType(
        schema=Schema(type=OpenAPIType.STRING, format="binary")  # type: ignore[arg-type]
    )
}


def _header(name: str, description: str, *, required: bool = False) -> Parameter:
    schema = Schema(type=OpenAPIType.STRING)
    return Parameter(
        name=name, param_in="header", schema=schema, description=description, required=required
    )


RESUMABLE = _header("Tus-Resumable", f"`{VERSION}`", required=True)
LENGTH = _header("Upload-Length", "How many bytes the file has.")
CHECKSUM = _header("Upload-Checksum", f"Of this body: one of {', '.join(ALGORITHMS)}, and Base64.")
CREATION_HEADERS = [
    LENGTH,
    _header("Upload-Defer-Length", "`1`: `Upload-Length` comes with a later request."),
    _header("Upload-Metadata", "`bucket <Base64>,path <Base64>` and more."),
    _header("Upload-Concat", "`partial`, or `final;` and the addresses of partial uploads."),
    _header("If-None-Match", "`*`: only if there is no such file."),
    _header("If-Match", "Only if the file's ETag is among these."),
    CHECKSUM,
]


@dataclass
class TusOperation(Operation):
    """Any call of tus."""

    def __post_init__(self) -> None:
        self.parameters = [*(self.parameters or []), RESUMABLE]


@dataclass
class CreationOperation(TusOperation):
    """A new upload, maybe with its first bytes."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.request_body = RequestBody(content=BYTES, required=False)
        self.parameters = [*(self.parameters or []), *CREATION_HEADERS]


@dataclass
class AppendOperation(TusOperation):
    """The next bytes."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.request_body = RequestBody(content=BYTES, required=True)
        offset = _header("Upload-Offset", "Where the body belongs.", required=True)
        self.parameters = [*(self.parameters or []), offset, CHECKSUM, LENGTH]
