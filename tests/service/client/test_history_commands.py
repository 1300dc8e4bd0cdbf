"""``strongroom log``, ``diff``, ``blame``, ``restore``, ``retention``, ``purge``, and proofs."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from libs.client import Client
from libs.contracts.ids import new_id
from tests.builders import a_bucket_name
from tests.service.client.command import Command
from tests.service.client.recording import put


@pytest.fixture
async def bucket(client: Client, bucket: str) -> str:
    """A bucket with two states of a text, and one of another file; each a commit."""
    unique = new_id().hex
    await put(client, bucket, "notes.md", f"one\ntwo of {unique}\nthree\n".encode())
    await put(client, bucket, "plan.md", f"plan {unique}\n".encode())
    await put(client, bucket, "notes.md", f"one\n2 of {unique}\nthree\n".encode())
    return bucket


async def test_the_log_shows_what_is_looked_for(strongroom: Command, bucket: str) -> None:
    by_path = await strongroom.ok("log", f"{bucket}/plan.md", "--ref", "main", "--json")
    by_text = await strongroom.ok("log", bucket, "--grep", "PLAN", "--json")
    by_nobody = await strongroom.ok("log", bucket, "--author", "user:nobody", "--json")
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%d")
    later = await strongroom.ok("log", bucket, "--since", tomorrow, "--json")
    earlier = await strongroom.ok("log", bucket, "--until", tomorrow, "--json")

    assert [one["message"] for one in by_path.json()] == ["put plan.md"]
    assert by_text.json() == by_path.json()
    assert by_nobody.json() == later.json() == []
    assert len(earlier.json()) == 3


async def test_a_diff_tells_files_and_of_one_its_lines(strongroom: Command, bucket: str) -> None:
    files = await strongroom.ok("diff", bucket, "main~2")
    lines = await strongroom.ok("diff", f"{bucket}/notes.md", "main~1")
    stat = await strongroom.ok("diff", bucket, "main~2", "--stat")
    (told,) = (await strongroom.ok("diff", bucket, "main~1", "main", "--json")).json()
    missing = await strongroom("diff", bucket, "nobody")

    assert files.out == "M notes.md\nA plan.md\n"
    removed, added = lines.out.splitlines()[3:5]
    assert lines.out.startswith("M notes.md\n@@ -1,3 +1,3 @@\n one\n-two of ")
    assert (removed[:4], added[:2]) == ("-two", "+2")
    assert "2 files: 1 added, 1 changed; +" in stat.out
    assert (told["kind"], told["path"]) == ("changed", "notes.md")
    assert (missing.code, "ref-not-found" in missing.err) == (1, True)


async def test_what_is_no_text_is_said_to_differ(
    strongroom: Command, client: Client, bucket: str
) -> None:
    await put(client, bucket, "notes.md", f"\0{new_id()}".encode())

    shown = await strongroom.ok("diff", bucket, "main~1", "--patch")

    assert shown.out == "M notes.md\n  the bytes differ, and are no text\n"


async def test_blame_names_the_last_commit_of_each_file(strongroom: Command, bucket: str) -> None:
    told = (await strongroom.ok("blame", bucket, "--json")).json()
    commits = (await strongroom.ok("log", bucket, "--json")).json()

    assert [(one["path"], one["commit_id"]) for one in told] == [
        ("notes.md", commits[0]["commit_id"]),
        ("plan.md", commits[1]["commit_id"]),
    ]


async def test_a_restore_is_taken_back_like_any_commit(
    strongroom: Command, client: Client, bucket: str
) -> None:
    after = await client.files.get(bucket, "notes.md")

    await strongroom.ok("restore", bucket, "--to", "main~2")
    restored = [file.path async for file in client.files.list(bucket)]
    await strongroom.ok("revert", bucket, "main")

    assert restored == ["notes.md"]
    assert await client.files.get(bucket, "notes.md") == after
    assert (await strongroom.ok("ls", bucket)).out == "notes.md\nplan.md\n"


async def test_a_policy_is_foreseen_set_and_lifted(strongroom: Command, bucket: str) -> None:
    foreseen = await strongroom.ok("retention", "preview", bucket, "--keep-last", "1", "--json")
    unclear = await strongroom("retention", "set", bucket)
    await strongroom.ok("retention", "set", bucket, "--keep-last", "5", "--keep-days", "30")
    shown = await strongroom.ok("retention", "show", bucket)
    lifted = await strongroom.ok("retention", "set", bucket, "--forever")

    assert [(one["path"], one["version"]) for one in foreseen.json()] == [("notes.md", 1)]
    assert unclear.code == 2
    assert "keeps the newest 5 of each file, what was there in the last 30 days" in shown.out
    assert f"{bucket}: all states are kept for ever" in lifted.out


async def test_past_states_are_purged_when_it_is_sure(strongroom: Command, bucket: str) -> None:
    foreseen = await strongroom.ok("purge", f"{bucket}/notes.md", "--dry-run")
    unsure = await strongroom("purge", f"{bucket}/notes.md")
    purged = await strongroom.ok("purge", f"{bucket}/notes.md", "--yes")
    gone = await strongroom("cat", f"{bucket}/notes.md", "--version", "1")

    assert foreseen.out.startswith("would give up 1 past state, ")
    assert unsure.code == 2
    assert purged.out.startswith("gave up 1 past state, ")
    assert (gone.code, "version-expired" in gone.err) == (1, True)
    assert (await strongroom.ok("cat", f"{bucket}/notes.md")).out.startswith("one\n")


@pytest.mark.parametrize("form", ["openssh", "pem"])
async def test_a_history_is_signed_and_proven(
    strongroom: Command, bucket: str, tmp_path: Path, form: str
) -> None:
    key = Ed25519PrivateKey.generate()
    private = PrivateFormat.OpenSSH if form == "openssh" else PrivateFormat.PKCS8
    (tmp_path / "key").write_bytes(key.private_bytes(Encoding.PEM, private, NoEncryption()))
    (tmp_path / "key.pub").write_bytes(
        key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
        if form == "openssh"
        else key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    await strongroom.ok("tag", "create", bucket, "v1")

    unknown = await strongroom("sign", bucket, "v1", "--with", "key")
    private_given = await strongroom("signing-key", "add", bucket, "ann", "key")
    await strongroom.ok("signing-key", "add", bucket, "ann", "key.pub")
    tag = await strongroom.ok("sign", bucket, "v1", "--with", "key")
    commit = await strongroom.ok("sign", bucket, "main", "--with", "key")
    verified = await strongroom.ok("verify", bucket, "v1")
    await strongroom.ok("signing-key", "remove", bucket, "ann")
    (kept,) = (await strongroom.ok("signing-key", "list", bucket, "--json")).json()

    assert unknown.code == 1
    assert (private_given.code, "private key" in private_given.err) == (2, True)
    assert tag.out.startswith("signed tag ")
    assert tag.out.endswith(" with ann\n")
    assert commit.out.startswith("signed commit ")
    assert f"{bucket} v1: 3 commits" in verified.out
    assert verified.out.endswith("proven, all good\n")
    assert "ann" in verified.out
    assert kept["removed_at"] is not None


async def test_what_is_no_ed25519_key_is_named(
    strongroom: Command, bucket: str, tmp_path: Path
) -> None:
    rsa = generate_private_key(65537, 2048)
    pem = rsa.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "rsa").write_bytes(pem)
    locked = Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")
    )
    (tmp_path / "locked").write_bytes(locked)
    (tmp_path / "text").write_text("no key")

    for name, why in (("rsa", "no Ed25519 key"), ("locked", "passphrase"), ("text", "no private")):
        refused = await strongroom("sign", bucket, "main", "--with", name)
        assert (refused.code, why in refused.err) == (2, True), refused.err


async def test_a_deleted_bucket_comes_back(strongroom: Command, client: Client) -> None:
    name = (await client.buckets.create(a_bucket_name("back"))).name
    content = new_id().bytes
    await client.files.put(name, "a", content)
    await strongroom.ok("buckets", "rm", name, "--force", "--yes")

    deleted = (await strongroom.ok("buckets", "deleted", "--json")).json()
    back = await strongroom.ok("buckets", "undelete", name)
    missing = await strongroom("buckets", "undelete", name)

    assert name in [one["name"] for one in deleted]
    assert back.out == f"{name} is back, with 1 file\n"
    assert await client.files.get(name, "a") == content
    assert missing.code == 1
