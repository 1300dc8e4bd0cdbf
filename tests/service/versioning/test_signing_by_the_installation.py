"""An installation with a key signs whatever it commits and tags, also what storage told it."""

import base64
from collections.abc import Iterator

import pytest

from libs.blobs import open_store
from libs.chassis.bus import Bus
from libs.contracts.problems import AnsweredWithProblem
from libs.contracts.storage import CreateBucket
from libs.contracts.versioning import CreateTag, ListSigningKeys, ListVersions, VerifyHistory
from services.versioning.domain.signatures import PrivateKey
from tests.platform import Platform, running_platform
from tests.service.storage.bucket import Bucket
from tests.waiting import eventually

KEY = PrivateKey(bytes(range(32)))
ANN = "key:ann"
BUCKET = "signed-by-all"


@pytest.fixture(scope="module")
def signing_platform() -> Iterator[Platform]:
    """Storage and versioning, which has a key of its own."""
    seed = base64.b64encode(KEY.seed).decode()
    settings = {"STRONGROOM_VERSIONING_SIGNING_KEY": seed}
    with running_platform(("storage", "versioning"), settings) as running:
        yield running


async def test_every_commit_and_tag_is_signed(signing_platform: Platform) -> None:
    async with (
        Bus("admin", signing_platform.nats_url) as bus,
        open_store(signing_platform.store_url) as store,
    ):
        await bus.ask(CreateBucket(name=BUCKET, actor=ANN))
        bucket = Bucket(bus.ask, store, BUCKET)
        for number in range(3):
            await bucket.put(f"file-{number}", f"signed {number}".encode())

        async def recorded() -> bool:
            try:
                return bool((await bus.ask(ListVersions(bucket=BUCKET, path="file-2"))).items)
            except AnsweredWithProblem:
                return False

        await eventually(recorded)
        tag = await bus.ask(CreateTag(bucket=BUCKET, name="v1", actor=ANN))
        proved = await bus.ask(VerifyHistory(bucket=BUCKET))
        keys = (await bus.ask(ListSigningKeys(bucket=BUCKET))).items

    assert [base64.b64decode(key.public_key) for key in keys] == [KEY.public_key]
    assert len(proved.signatures) == proved.commits + 1
    assert all(signature.valid for signature in proved.signatures)
    assert {tag.tag_id, tag.commit_id} <= {signature.target for signature in proved.signatures}
    assert proved.faults == []
