"""Proving a history: what is said of commits, who signed them, and that nothing was altered."""

from typing import Annotated, Literal

from litestar import delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import Meta, Struct
from msgspec.structs import replace

from libs.contracts.values import Sha256
from libs.contracts.versioning import (
    AddSigningKey,
    CheckName,
    CheckState,
    CommitCheck,
    CommitCheckList,
    ListCommitChecks,
    ListSigningKeys,
    RemoveSigningKey,
    ReportCheck,
    Sign,
    SignatureInfo,
    SigningKey,
    SigningKeyList,
    Verification,
    VerifyHistory,
)
from services.gateway.edge.gate import needs
from services.gateway.edge.platform import Platform
from services.gateway.routes.given import Bucket, Cursor, Cursors, Limit

TAGS = ["Versions"]
VERIFIED_WITHIN_S = 60.0
"""How long a page may take, which is mostly that of the first commit of a large import."""

CHECKS = "/buckets/{bucket:str}/commits/{commit:str}/checks"
KEYS = "/buckets/{bucket:str}/signing-keys"


class Verdict(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a check says of a commit."""

    name: CheckName
    state: CheckState
    detail: Annotated[str, Meta(max_length=1000)] = ""


class NewKey(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: Annotated[str, Meta(min_length=1, max_length=100)]
    public_key: Annotated[str, Meta(min_length=43, max_length=44)]
    """The 32 bytes of an Ed25519 key, base64."""


class NewSignature(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    key_id: Sha256
    signature: Annotated[str, Meta(min_length=86, max_length=88)]
    """Its 64 bytes, base64."""


@get(CHECKS, summary="List a commit's checks", tags=TAGS, opt=needs("read"))
async def list_commit_checks(
    bucket: Bucket, commit: FromPath[str], platform: NamedDependency[Platform]
) -> CommitCheckList:
    """List by name what checks say of a commit."""
    return await platform.ask(ListCommitChecks(bucket=bucket, commit=commit))


@put(CHECKS, summary="Report a check", tags=TAGS, opt=needs("write"))
async def report_check(
    bucket: Bucket,
    commit: FromPath[str],
    data: JSONBody[Verdict],
    actor: NamedDependency[str],
    platform: NamedDependency[Platform],
) -> CommitCheck:
    """Say how a check of a commit went; the last word of each name counts.

    A protected branch may ask for checks: only what they passed is merged into it.
    """
    return await platform.ask(
        ReportCheck(
            bucket=bucket,
            commit=commit,
            name=data.name,
            state=data.state,
            detail=data.detail,
            actor=actor,
        )
    )


@get(
    "/buckets/{bucket:str}/verification",
    summary="Verify a history",
    tags=TAGS,
    opt=needs("read"),
)
async def verify_history(
    bucket: Bucket,
    platform: NamedDependency[Platform],
    cursors: NamedDependency[Cursors],
    ref: Annotated[
        str, QueryParameter(description="What to prove.", min_length=1, max_length=200)
    ] = "main",
    trees: Annotated[bool, QueryParameter(description="Prove the trees, too.")] = True,
    limit: Limit = 200,
    cursor: Cursor = None,
) -> Verification:
    """Walk a history over all parents, a page of commits at a time, and prove it unaltered.

    Each commit and tree node has to be what its name says; what is not is listed in `faults`. Keep
    the `head` of the answer elsewhere: it vouches for all that was proved.
    """
    scope = f"verification\n{bucket}\n{ref}\n{trees}"
    proved = await platform.ask(
        VerifyHistory(
            bucket=bucket,
            ref=ref,
            trees=trees,
            cursor=cursors.open(scope, cursor, str) or "",
            limit=limit,
        ),
        timeout_s=VERIFIED_WITHIN_S,
    )
    return replace(proved, next=cursors.seal(scope, proved.next))


@get(KEYS, summary="List signing keys", tags=TAGS, opt=needs("read"))
async def list_signing_keys(bucket: Bucket, platform: NamedDependency[Platform]) -> SigningKeyList:
    """List the keys that are or were trusted to sign commits and tags."""
    return await platform.ask(ListSigningKeys(bucket=bucket))


@post(KEYS, summary="Add a signing key", tags=TAGS, opt=needs("write", role="owner"))
async def add_signing_key(
    bucket: Bucket,
    data: JSONBody[NewKey],
    actor: NamedDependency[str],
    platform: NamedDependency[Platform],
) -> SigningKey:
    """Trust an Ed25519 key to sign commits and tags."""
    return await platform.ask(
        AddSigningKey(bucket=bucket, name=data.name, public_key=data.public_key, actor=actor)
    )


@delete(
    f"{KEYS}/{{key_id:str}}",
    summary="Remove a signing key",
    tags=TAGS,
    opt=needs("write", role="owner"),
    status_code=204,
)
async def remove_signing_key(
    bucket: Bucket,
    key_id: FromPath[str],
    actor: NamedDependency[str],
    platform: NamedDependency[Platform],
) -> None:
    """Trust a key no more; what it signed before stays signed, and is shown as `revoked`."""
    await platform.ask(RemoveSigningKey(bucket=bucket, key_id=key_id, actor=actor))


@post(
    "/buckets/{bucket:str}/commits/{commit:str}/signatures",
    summary="Sign a commit",
    tags=TAGS,
    opt=needs("write"),
)
async def sign_commit(
    bucket: Bucket,
    commit: FromPath[str],
    data: JSONBody[NewSignature],
    actor: NamedDependency[str],
    platform: NamedDependency[Platform],
) -> SignatureInfo:
    """Keep a signature of a commit; what exactly is signed is said in the format of versions."""
    return await _sign(platform, bucket, "commit", commit, data, actor)


@post(
    "/buckets/{bucket:str}/tags/{tag:str}/signatures",
    summary="Sign a tag",
    tags=TAGS,
    opt=needs("write"),
)
async def sign_tag(
    bucket: Bucket,
    tag: FromPath[str],
    data: JSONBody[NewSignature],
    actor: NamedDependency[str],
    platform: NamedDependency[Platform],
) -> SignatureInfo:
    """Keep a signature of a tag's own id, its `tag_id`."""
    return await _sign(platform, bucket, "tag", tag, data, actor)


async def _sign(
    platform: Platform,
    bucket: str,
    kind: Literal["commit", "tag"],
    target: str,
    data: NewSignature,
    actor: str,
) -> SignatureInfo:
    return await platform.ask(
        Sign(
            bucket=bucket,
            target=target,
            kind=kind,
            key_id=data.key_id,
            signature=data.signature,
            actor=actor,
        )
    )


ROUTES = [
    list_commit_checks,
    report_check,
    verify_history,
    list_signing_keys,
    add_signing_key,
    remove_signing_key,
    sign_commit,
    sign_tag,
]
