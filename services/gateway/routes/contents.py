"""Content without a file, for commits and branches that are about to name it."""

from typing import cast

from litestar import Request, post
from litestar.datastructures import State
from litestar.di import NamedDependency

from libs.contracts.storage import BeginUpload, HeldContent
from services.gateway.domain.keys import Identity
from services.gateway.edge.asgi import Receive
from services.gateway.edge.gate import needs
from services.gateway.routes.file_documents import ContentOperation
from services.gateway.routes.given import Bucket
from services.gateway.routes.sent import announced, content_type_of
from services.gateway.transfer.uploads import Uploads

Call = Request[Identity, None, State]

NOWHERE = "content"
"""The path of what is to be no file: nothing is looked for or put there."""


@post(
    "/buckets/{bucket:str}/contents",
    summary="Put content",
    tags=["Versions"],
    opt=needs("write", at="somewhere") | {"streams": True},
    status_code=201,
    request_max_body_size=None,
    operation_class=ContentOperation,
)
async def put_content(
    bucket: Bucket, request: Call, uploads: NamedDependency[Uploads]
) -> HeldContent:
    """Store the body without making a file of it, so that a commit can name it by its digest.

    It stays for an hour unless something names it. The same bytes again are stored once and stay
    for another hour. 409 `checks-required` where new files have to pass checks.
    """
    begin = BeginUpload(
        bucket=bucket,
        path=NOWHERE,
        actor=request.user.actor,
        content_type=content_type_of(request),
        hold=True,
    )
    put = await uploads.put(begin, announced(request), cast("Receive", request.receive))
    if put.held is None:
        raise TypeError("what was to be held became something else")
    return put.held


ROUTES = [put_content]
