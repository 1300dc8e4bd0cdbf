"""An address names a driver and its options, or says in one line what is wrong with it."""

import json
from pathlib import Path

import pytest

from libs.blobs import DurabilityLevel, StoreUrlInvalid, open_store

SECRET = "s3cr3t"
WRONG = [
    "",
    "/var/lib/strongroom",
    f"gopher://a:{SECRET}@host/bucket",
    f"s3://a:{SECRET}@host:9000",
    f"s3://a:{SECRET}@host:9000/",
    f"s3://a:{SECRET}@host:port/bucket",
    f"s3://a:{SECRET}/x@host/bucket",
    f"s3://a:{SECRET}@host/bucket/../other",
    f"s3://a:{SECRET}@host/bucket?tls=perhaps",
    f"s3://a:{SECRET}@host/bucket?colour=red",
    f"s3://a:{SECRET}@host/bucket?endpoint=elsewhere",
    f"s3://a:{SECRET}@host/bucket?secret_key=elsewhere",
    f"s3://a:{SECRET}@host/bucket?region=a&region=b",
    f"s3://a:{SECRET}@host/bucket?part_bytes=many",
    f"s3://a:{SECRET}@host/bucket?part_bytes=1024",
    f"s3://a:{SECRET}@host/bucket?durability=absolute",
    "gs://",
    f"gs://a:{SECRET}@bucket",
    f"gs://bucket/../other?credentials={SECRET}",
    f"gs://bucket?credentials=/no/such/file/{SECRET}",
    "gs://bucket?colour=red",
    f"gs://bucket?service_account_key={SECRET}",
    f"az://:{SECRET}@host/container",
    f"az://account:{SECRET}@host",
    "az://host/container",
    f"az://account:{SECRET}@host/container?path_style=perhaps",
    f"az://account:{SECRET}@host/container?tls=perhaps",
    f"az://account:{SECRET}@host/container?region=eu",
    f"az://account:{SECRET}!@host/container",
    "file://relative/path",
    "file:relative",
    "file:///tmp?colour=red",
    "memory://host",
    "memory://?x=1",
]


@pytest.mark.parametrize("url", WRONG)
def test_a_wrong_address_is_refused_without_telling_its_secret(url: str) -> None:
    with pytest.raises(StoreUrlInvalid) as raised:
        open_store(url)

    assert SECRET not in str(raised.value)
    assert "\n" not in str(raised.value)
    assert raised.value.__cause__ is None


async def test_an_s3_address_may_carry_everything() -> None:
    url = (
        "s3://access:se%2Fcr%40et@store.example:9000/bucket/folder/below?region=eu-central-1&tls=true"
        "&durability=durable&part_bytes=8388608&parts_in_flight=4&request_timeout_s=5"
        "&connect_timeout_s=0.5"
    )

    async with open_store(url) as store:
        assert store.label == "https://store.example:9000/bucket/folder/below"
        assert store.durability.level is DurabilityLevel.DURABLE


async def test_an_undeclared_s3_store_is_best_effort() -> None:
    async with open_store("s3://access:secret@store.example/bucket") as store:
        assert store.durability.level is DurabilityLevel.BEST_EFFORT
        assert "secret" not in store.label


async def test_a_google_address_may_carry_everything() -> None:
    url = (
        "gs://bucket/folder/below?endpoint=http://127.0.0.1:4443&durability=durable"
        "&part_bytes=8388608&parts_in_flight=4&request_timeout_s=5&connect_timeout_s=0.5"
    )

    async with open_store(url) as store:
        assert store.label == "http://127.0.0.1:4443/bucket/folder/below"
        assert store.durability.level is DurabilityLevel.DURABLE


async def test_an_azure_address_may_carry_everything() -> None:
    key = "%2B%2B%2F%2Fc3Ryb25ncm9vbS1jb25mb3JtYW5jZS1rZXk="
    url = (
        f"az://account:{key}@store.example:10000/container/folder?tls=false&path_style=true"
        "&durability=durable&part_bytes=8388608&parts_in_flight=4&request_timeout_s=5"
    )

    async with open_store(url) as store:
        assert store.label == "http://store.example:10000/account/container/folder"
        assert store.durability.level is DurabilityLevel.DURABLE


@pytest.mark.parametrize(
    ("url", "level"),
    [
        ("gs://bucket?endpoint=http://127.0.0.1:4443", DurabilityLevel.BEST_EFFORT),
        ("az://account:c2VjcmV0@127.0.0.1/container", DurabilityLevel.BEST_EFFORT),
        ("az://account:c2VjcmV0@account.blob.core.windows.net/c", DurabilityLevel.DURABLE),
    ],
)
async def test_clouds_are_durable_and_their_emulators_are_not(
    url: str, level: DurabilityLevel
) -> None:
    async with open_store(url) as store:
        assert store.durability.level is level
        assert "c2VjcmV0" not in store.label


async def test_google_is_durable(tmp_path: Path) -> None:
    account = {"client_email": "", "private_key": "", "private_key_id": "", "disable_oauth": True}
    (tmp_path / "account.json").write_text(json.dumps(account))

    async with open_store(f"gs://bucket/folder?credentials={tmp_path}/account.json") as store:
        assert store.label == "gs://bucket/folder"
        assert store.durability.level is DurabilityLevel.DURABLE


async def test_a_path_with_escapes_is_one_folder(tmp_path: Path) -> None:
    async with open_store(f"file://{tmp_path}/with%20space") as store:
        await store.put("a", b"x")

    assert (tmp_path / "with space" / "a").read_bytes() == b"x"
