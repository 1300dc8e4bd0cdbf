"""What is kept of git commits and tags, and whether it makes them again."""

import hashlib

import pytest
from dulwich.objects import Commit, ObjectID, Tag
from hypothesis import given
from hypothesis import strategies as st

from libs.client.git import records
from libs.contracts.labels import check_metadata

TREE = ObjectID(b"4b825dc642cb6eb9a060e54bf8d69288fbee4904")
PARENT = ObjectID(b"a" * 40)
PERSON = "Ann Ö <ann@example.org> 1577934245 +0530"
SIGNATURE = "gpgsig -----BEGIN SSH SIGNATURE-----\n U1NIU0lH\n -----END SSH SIGNATURE-----\n"


def a_commit(
    header: str | bytes = f"author {PERSON}\ncommitter {PERSON}\n", message: bytes = b"Say so\n"
) -> Commit:
    said = header if isinstance(header, bytes) else header.encode()
    raw = b"tree " + TREE + b"\nparent " + PARENT + b"\n" + said + b"\n" + message
    return Commit.from_string(raw)


def again(commit: Commit) -> Commit | None:
    record = records.of_commit(commit)
    return records.commit_again(record.metadata, record.message, TREE, [PARENT])


@pytest.mark.parametrize(
    "commit",
    [
        a_commit(),
        a_commit(message=b""),
        a_commit(message=b"no line end"),
        a_commit(message=b"long " * 5000),
        a_commit(message=b"caf\xe9"),
        a_commit(message=b"with a \0 in it"),
        a_commit(f"author {PERSON}\ncommitter {PERSON}\n{SIGNATURE}"),
        a_commit(f"author {PERSON}\ncommitter {PERSON}\nencoding ISO-8859-1\n", b"caf\xe9"),
        a_commit(b"author Andr\xe9 <a@b> 1 +0000\ncommitter Andr\xe9 <a@b> 1 +0000\n"),
        a_commit(f"author {'A' * 900} <a@b> 1 +0000\ncommitter {PERSON}\n"),
        a_commit("author A <a@b> 1 -0000\ncommitter A <a@b> 99999999999999 +0000\n"),
    ],
    ids=[
        *("plain", "empty", "no-line-end", "long", "latin-1", "nul", "signed", "encoding"),
        *("latin-1-name", "long-name", "far-future"),
    ],
)
def test_a_commit_is_made_again_with_its_id(commit: Commit) -> None:
    record = records.of_commit(commit)
    made = again(commit)

    assert record.exact
    assert made is not None
    assert made.as_raw_string() == commit.as_raw_string()
    assert len(record.message) <= 4096
    assert 1 <= len(record.author) <= 200
    check_metadata(record.metadata)


@given(message=st.binary(max_size=300), name=st.text(st.characters(exclude_characters="\n\0<>")))
def test_any_commit_is_made_again(message: bytes, name: str) -> None:
    header = f"author {name} <a@b> 1 +0000\ncommitter {name} <a@b> 1 +0000\n"
    commit = a_commit(header.encode("utf-8", "surrogatepass"), message)

    made = again(commit)

    assert made is not None
    assert made.id == commit.id
    check_metadata(records.of_commit(commit).metadata)


def test_headers_that_are_too_long_to_be_kept_are_told() -> None:
    noise = "".join(hashlib.sha512(str(number).encode()).hexdigest() for number in range(100))
    commit = a_commit(f"author {PERSON}\ncommitter {PERSON}\nnoise {noise}\n")

    record = records.of_commit(commit)

    assert not record.exact
    assert again(commit) is None
    check_metadata(record.metadata)


def test_what_was_altered_is_not_made_again() -> None:
    record = records.of_commit(a_commit())

    assert records.commit_again(record.metadata, "Say other", TREE, [PARENT]) is None
    assert records.commit_again(record.metadata, record.message, TREE, []) is None


def test_an_annotated_tag_is_made_again_with_its_id() -> None:
    raw = b"object %s\ntype commit\ntag v1\ntagger Ann <a@b> 1577934245 +0530\n\nOne\n" % PARENT
    tag = Tag.from_string(raw)

    record = records.of_tag(tag)
    made = records.tag_again(record.metadata, PARENT)

    assert made is not None
    assert made.as_raw_string() == raw
    check_metadata(record.metadata)


@pytest.mark.parametrize(
    ("actor", "person"),
    [
        ("git:Ann Ö <ann@example.org>", "Ann Ö <ann@example.org>"),
        ("user:ann", "user:ann <user.ann@strongroom>"),
        ("git:<<>>\n <x>", "git: x <git..x@strongroom>"),
    ],
    ids=["from-git", "user", "nonsense"],
)
def test_who_did_it_is_told_as_git_tells_it(actor: str, person: str) -> None:
    assert records.person(actor).decode() == person
