"""A directory and a prefix of a bucket hold the same names, and nothing escapes a directory."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from libs.client.digests import sha256_of
from libs.client.failures import ClientFailure
from libs.client.files import ListedFile
from libs.client.trees import below, joined, same, walk


def known(sha256: str, size: int) -> ListedFile:
    return ListedFile(
        path="p",
        sha256=sha256,
        size=size,
        content_type="text/plain",
        metadata={},
        tags={},
        modified_at=datetime.now(UTC),
    )


def test_every_file_below_a_directory_is_found_in_order(tmp_path: Path) -> None:
    for name in ("b/2.txt", "a.txt", "b/1.txt", ".hidden/x", "empty"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)

    tree = walk(tmp_path)

    assert [file.name for file in tree.files] == [
        ".hidden/x",
        "a.txt",
        "b/1.txt",
        "b/2.txt",
        "empty",
    ]
    assert tree.size == sum(len(file.name) for file in tree.files)


def test_skipped_directories_are_not_entered_wherever_they_lie(tmp_path: Path) -> None:
    for name in ("keep.txt", ".git/config", "deep/.git/config"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")

    assert [file.name for file in walk(tmp_path, skip=[".git"]).files] == ["keep.txt"]


def test_what_cannot_be_uploaded_is_told_and_left_out(tmp_path: Path) -> None:
    (tmp_path / "good").write_text("x")
    (tmp_path / "broken-link").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "pipe")
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/bad-\xff")).write_text("x")

    tree = walk(tmp_path)

    assert [file.name for file in tree.files] == ["good"]
    assert sorted(tree.left_out) == ["bad-\udcff", "broken-link", "pipe"]


def test_a_file_is_the_same_only_if_size_and_digest_agree(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")
    file = walk(tmp_path).files[0]
    digest = sha256_of(file.path)

    assert same(file, known(digest, 7))
    assert not same(file, known("0" * 64, 7))
    assert not same(file, known(digest, 8))
    assert not same(file, None)


@pytest.mark.parametrize(
    "name", ["../x", "a/../../x", "/etc/passwd", "a//b", "a/./b", "a\\..\\b", "a\0b", "", "a/"]
)
def test_no_name_from_the_platform_leaves_the_directory(name: str, tmp_path: Path) -> None:
    with pytest.raises(ClientFailure, match="no name for a file"):
        below(tmp_path, name)


def test_ordinary_names_stay_below(tmp_path: Path) -> None:
    assert below(tmp_path, "a/..b/c d.txt") == tmp_path / "a" / "..b" / "c d.txt"


def test_a_prefix_is_joined_with_one_slash() -> None:
    assert joined("", "x") == "x"
    assert joined("a", "x") == "a/x"
    assert joined("a/", "x") == "a/x"
