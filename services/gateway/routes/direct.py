"""Direct uploads: the bytes went to the object store, now they become a file, or go."""

from uuid import UUID

from litestar import Response, delete, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from msgspec import Struct

from libs.contracts.storage import FileCheck, FileInfo
from libs.contracts.values import Sha256
from services.gateway.domain import conditions
from services.gateway.edge.access import Access
from services.gateway.edge.gate import needs
from services.gateway.routes.accepted import waiting
from services.gateway.routes.given import Bucket
from services.gateway.transfer.direct import DirectUploads

TAGS = ["Files"]
ONE = "/buckets/{bucket:str}/direct-uploads/{upload_id:uuid}"


class Completion(Struct, frozen=True, forbid_unknown_fields=True):
    sha256: Sha256 | None = None
    """What the bytes have to have; other ones are refused with 422 and may be put again."""


@post(
    f"{ONE}/completions",
    summary="Complete a direct upload",
    tags=TAGS,
    opt=needs("write", at="somewhere"),
)
async def complete_direct_upload(
    bucket: Bucket,
    upload_id: FromPath[UUID],
    data: JSONBody[Completion],
    access: NamedDependency[Access],
    direct_uploads: NamedDependency[DirectUploads],
) -> Response[FileInfo | FileCheck]:
    """Read what was put, prove size and digest, and make it the file: 201 new, 200 replaced.

    202 in a bucket with checks: the file appears when they have passed.

    Repeated for a day, it answers the same. Bytes that are put later change nothing.
    """
    put = await direct_uploads.complete(bucket, upload_id, access, data.sha256)
    if put.check is not None:
        return waiting(put.check)
    return Response(
        put.file,
        status_code=201 if put.created else 200,
        headers={"ETag": conditions.etag(put.file.sha256)},
    )


@delete(
    ONE,
    summary="Give a direct upload up",
    tags=TAGS,
    opt=needs("write", at="somewhere"),
    status_code=204,
)
async def end_direct_upload(
    bucket: Bucket,
    upload_id: FromPath[UUID],
    access: NamedDependency[Access],
    direct_uploads: NamedDependency[DirectUploads],
) -> None:
    """Forget the upload and delete what was put; the file that it became stays."""
    await direct_uploads.end(bucket, upload_id, access)


ROUTES = [complete_direct_upload, end_direct_upload]
