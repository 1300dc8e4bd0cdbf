"""Signing commits and tags, and which keys may."""

import base64
from uuid import UUID

from libs.chassis.database import Connection, Database
from libs.chassis.rpc import serves
from libs.contracts.base import Done
from libs.contracts.versioning import (
    AddSigningKey,
    ListSigningKeys,
    RemoveSigningKey,
    Sign,
    SignatureInfo,
    SigningKey,
    SigningKeyList,
)
from services.versioning.domain import tags as tags_format
from services.versioning.domain.errors import BadSignature, KeyNotTrusted, TooManyKeys
from services.versioning.domain.signatures import Kind, is_valid, parse_key, parse_signature
from services.versioning.proving import signature_info
from services.versioning.repository import commits, refs, repositories, signatures, tags
from services.versioning.repository.signatures import Signature, TrustedKey
from services.versioning.repository.signing import Signer

MOST_KEYS = 200


@serves(AddSigningKey)
async def add_signing_key(request: AddSigningKey, db: Database) -> SigningKey:
    public_key = parse_key(request.public_key)
    async with db.transaction() as tx:
        bucket_id = (await repositories.get_repository(tx, request)).bucket_id
        key = await signatures.upsert_key(
            tx, bucket_id, public_key, name=request.name, owner=request.actor
        )
        if len(await signatures.list_keys(tx, bucket_id)) > MOST_KEYS:
            raise TooManyKeys(f"a bucket knows at most {MOST_KEYS} keys")
    return _signing_key(key)


@serves(ListSigningKeys)
async def list_signing_keys(
    request: ListSigningKeys, db: Database, signer: Signer
) -> SigningKeyList:
    async with db.transaction() as tx:
        bucket_id = (await repositories.get_repository(tx, request)).bucket_id
        await signer.show(tx, bucket_id)
        found = await signatures.list_keys(tx, bucket_id)
    return SigningKeyList(items=[_signing_key(key) for key in found])


@serves(RemoveSigningKey)
async def remove_signing_key(request: RemoveSigningKey, db: Database) -> Done:
    async with db.transaction() as tx:
        bucket_id = (await repositories.get_repository(tx, request)).bucket_id
        await signatures.remove_key(tx, bucket_id, bytes.fromhex(request.key_id))
    return Done()


@serves(Sign)
async def sign(request: Sign, db: Database) -> SignatureInfo:
    signed = parse_signature(request.signature)
    key_id = bytes.fromhex(request.key_id)
    async with db.transaction() as tx:
        bucket_id = (await repositories.get_repository(tx, request)).bucket_id
        kind, target = await _target(tx, bucket_id, request)
        key = await signatures.find_key_for_share(tx, bucket_id, key_id)
        if key is None or key.removed_at is not None:
            raise KeyNotTrusted(request.key_id, key_id=request.key_id)
        if not is_valid(key.public_key, signed, kind, target):
            raise BadSignature(
                f"{key.name} did not sign {kind} {target.hex()}", key_id=key_id.hex()
            )
        signed_at = await signatures.upsert_signature(
            tx, bucket_id, key_id, kind, target, signed, signed_by=request.actor
        )
    kept = Signature(target=target, kind=kind, signature=signed, signed_at=signed_at, key=key)
    return signature_info(kept)


async def _target(tx: Connection, bucket_id: UUID, request: Sign) -> tuple[Kind, bytes]:
    """Return what is signed, proved to be stored as its id says."""
    ref = await refs.find_ref(tx, bucket_id, request.target)
    is_tag = ref is not None and ref.kind == "tag"
    if request.kind == "tag" or (request.kind is None and is_tag):
        tag = await tags.get_tag(tx, bucket_id, request.target)
        return "tag", tags_format.id_of(tags_format.encode(tag))
    commit_id = await refs.get_commit_id(tx, bucket_id, request.target)
    await commits.get_commit(tx, bucket_id, commit_id)
    return "commit", commit_id


def _signing_key(key: TrustedKey) -> SigningKey:
    return SigningKey(
        key_id=key.key_id.hex(),
        name=key.name,
        public_key=base64.b64encode(key.public_key).decode(),
        owner=key.owner,
        added_at=key.added_at,
        removed_at=key.removed_at,
    )
