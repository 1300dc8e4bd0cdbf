"""What the OpenAPI document says about failures: they all look alike."""

from litestar import Litestar
from litestar.openapi.spec import (
    OpenAPIMediaType,
    OpenAPIResponse,
    OpenAPIType,
    Operation,
    Reference,
    Schema,
)

from services.gateway.edge.problems import MEDIA_TYPE

METHODS = ("get", "put", "post", "delete", "patch", "head", "options")
NAME = "Problem"

_TEXT = Schema(type=OpenAPIType.STRING)
PROBLEM = Schema(
    type=OpenAPIType.OBJECT,
    title=NAME,
    description="RFC 9457, with further members that say which input was wrong.",
    properties={
        "type": Schema(type=OpenAPIType.STRING, description="`urn:strongroom:problem:<code>`"),
        "title": _TEXT,
        "status": Schema(type=OpenAPIType.INTEGER),
        "detail": _TEXT,
        "instance": Schema(
            type=OpenAPIType.STRING, description="Names the request, as `X-Request-Id` does."
        ),
    },
    required=["type", "title", "status", "instance"],
)
RESPONSE = OpenAPIResponse(
    description="A problem; `Retry-After` says when to come back after 429 and 503.",
    content={MEDIA_TYPE: OpenAPIMediaType(schema=Reference(ref=f"#/components/schemas/{NAME}"))},
)


def describe_refusals(app: Litestar) -> None:
    """Give every operation the same failures, in place of the framework's."""
    document = app.openapi_schema
    document.components.schemas = (document.components.schemas or {}) | {NAME: PROBLEM}
    document.components.responses = {NAME: RESPONSE}
    for item in (document.paths or {}).values():
        for method in METHODS:
            operation: Operation | None = getattr(item, method)
            if operation is not None:
                _describe(operation)


def _describe(operation: Operation) -> None:
    problem = Reference(ref=f"#/components/responses/{NAME}")
    kept = {
        status: response
        for status, response in (operation.responses or {}).items()
        if status != "400"
    }
    operation.responses = kept | {"4XX": problem, "5XX": problem}
