"""Commits and tags are signed by whoever has a trusted key; anybody can check that."""

import base64
import hashlib
from typing import Any
from uuid import UUID

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from libs.chassis.bus import Bus
from libs.chassis.database import Database
from libs.chassis.settings import WrongSettings
from services.versioning import history
from services.versioning.domain.signatures import PrivateKey, is_valid
from services.versioning.repository import signatures
from services.versioning.repository.nodes import NodeCache
from services.versioning.repository.repositories import Repository
from services.versioning.repository.signing import Signer
from tests.builders import a_bucket_name
from tests.service.versioning.keeping import Kept, a_setting
from tests.service.versioning.steps import DbOf


class Key:
    """A key as somebody has it at home."""

    def __init__(self) -> None:
        self._key = Ed25519PrivateKey.generate()
        self.public = self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.key_id = hashlib.sha256(self.public).hexdigest()

    def sign(self, kind: str, target: str) -> dict[str, str]:
        """Return the body of a signature."""
        signed = self._key.sign(f"strongroom-signature-v1\n{kind}\n{target}".encode())
        return {"key_id": self.key_id, "signature": base64.b64encode(signed).decode()}


@pytest.fixture
async def kept(http: httpx.AsyncClient, db_of: DbOf, admin_bus: Bus) -> Kept:
    """A bucket with one commit."""
    name = a_bucket_name("signed")
    (await http.post("/api/v1/buckets", json={"name": name})).raise_for_status()
    bucket = Kept(http, name, await db_of("versioning"), admin_bus)
    await bucket.write("a")
    return bucket


async def trust(kept: Kept, key: Key, name: str) -> dict[str, Any]:
    body = {"name": name, "public_key": base64.b64encode(key.public).decode()}
    added: dict[str, Any] = await kept.post("signing-keys", body)
    return added


async def signatures_of(kept: Kept, ref: str = "main") -> list[dict[str, Any]]:
    proved = (await kept.http.get(f"{kept.url}/verification", params={"ref": ref})).json()
    assert [fault["code"] for fault in proved["faults"]] in ([], ["bad-signature"])
    found: list[dict[str, Any]] = proved["signatures"]
    return found


async def test_several_keys_sign_a_commit_and_verification_shows_them(kept: Kept) -> None:
    ann, bob, commit = Key(), Key(), await kept.head()
    for name, key in (("ann", ann), ("bob", bob)):
        await trust(kept, key, name)
        await kept.post(f"commits/{commit}/signatures", key.sign("commit", commit))

    found = await signatures_of(kept)

    assert [(s["key_name"], s["target"], s["valid"], s["revoked"]) for s in found] == [
        ("ann", commit, True, False),
        ("bob", commit, True, False),
    ]


async def test_a_tag_is_signed_by_its_own_id(kept: Kept) -> None:
    key = Key()
    await trust(kept, key, "ann")
    tag = await kept.post("tags", {"name": "v1", "message": "first"})

    await kept.post("tags/v1/signatures", key.sign("tag", tag["tag_id"]))

    assert [s["target"] for s in await signatures_of(kept, "v1")] == [tag["tag_id"]]


async def test_what_a_key_signed_stays_signed_after_its_removal(kept: Kept) -> None:
    key, commit = Key(), await kept.head()
    await trust(kept, key, "ann")
    await kept.post(f"commits/{commit}/signatures", key.sign("commit", commit))

    removed = await kept.http.delete(f"{kept.url}/signing-keys/{key.key_id}")
    again = await kept.http.post(
        f"{kept.url}/commits/{commit}/signatures", json=key.sign("commit", commit)
    )

    assert removed.status_code == 204
    assert named(again) == (409, "key-not-trusted")
    assert [(s["valid"], s["revoked"]) for s in await signatures_of(kept)] == [(True, True)]
    listed = (await kept.http.get(f"{kept.url}/signing-keys")).json()["items"]
    assert [(item["name"], item["removed_at"] is None) for item in listed] == [("ann", False)]


async def test_only_what_the_key_signed_is_taken(kept: Kept) -> None:
    key, commit = Key(), await kept.head()
    url = f"{kept.url}/commits/{commit}/signatures"

    untrusted = await kept.http.post(url, json=key.sign("commit", commit))
    await trust(kept, key, "ann")
    of_another = await kept.http.post(url, json=key.sign("commit", "0" * 64))
    of_a_tag = await kept.http.post(url, json=key.sign("tag", commit))
    garbled = await kept.http.post(url, json=key.sign("commit", commit) | {"signature": "*" * 88})

    assert named(untrusted) == (409, "key-not-trusted")
    assert named(of_another) == named(of_a_tag) == (422, "bad-signature")
    assert named(garbled) == (422, "invalid-signature")


@pytest.mark.parametrize("public_key", ["A" * 44, "?" * 44], ids=["a-byte-too-many", "not-base64"])
async def test_only_keys_are_trusted(kept: Kept, public_key: str) -> None:
    answer = await kept.http.post(
        f"{kept.url}/signing-keys", json={"name": "x", "public_key": public_key}
    )

    assert named(answer) == (422, "invalid-key")


async def test_a_signature_altered_in_the_database_is_a_fault(kept: Kept) -> None:
    key, commit = Key(), await kept.head()
    await trust(kept, key, "ann")
    await kept.post(f"commits/{commit}/signatures", key.sign("commit", commit))

    async with kept.db.connection() as conn:
        await conn.execute(
            "UPDATE signature SET signature = set_byte(signature, 5, 0) WHERE target = $1",
            bytes.fromhex(commit),
        )

    assert [s["valid"] for s in await signatures_of(kept)] == [False]


async def test_the_installation_signs_what_it_commits_in_the_same_transaction(kept: Kept) -> None:
    key = PrivateKey(bytes(range(32)))
    seed = base64.b64encode(key.seed).decode()
    cache = NodeCache(100, Signer.of(a_setting(signing_key=seed)))
    repository = await _repository(kept.db, kept.name)

    async with kept.db.transaction() as tx:
        head = await history.lock_main(tx, repository)
        drafted = await history.draft(
            tx,
            cache,
            head,
            {},
            author="key:ann",
            message="nothing",
            operation="commit",
            committed_at=head.committed_at,  # type: ignore[arg-type]
        )
        made = await history.write(tx, cache, repository, drafted)
        (kept_signature,) = await signatures.list_signatures(
            tx, repository.bucket_id, [drafted.commit_id]
        )

    assert made.commit_id == drafted.commit_id
    assert is_valid(key.public_key, kept_signature.signature, "commit", drafted.commit_id)
    assert [s["valid"] for s in await signatures_of(kept)] == [True]
    listed = (await kept.http.get(f"{kept.url}/signing-keys")).json()["items"]
    assert [item["name"] for item in listed] == ["this installation"]


def test_a_key_of_the_installation_that_is_none_stops_the_start() -> None:
    with pytest.raises(WrongSettings, match="SIGNING_KEY"):
        Signer.of(a_setting(signing_key="A" * 44))


def named(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].rsplit(":", 1)[-1]


async def _repository(db: Database, bucket: str) -> Repository:
    async with db.connection() as conn:
        found: UUID = await conn.fetchval(
            "SELECT bucket_id FROM repository WHERE bucket = $1", bucket
        )
    return Repository(found, bucket)
