import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from services.backup.domain import manifest
from services.backup.domain.errors import ExportDamaged, SnapshotDamaged
from services.backup.domain.lines import MAX_LINE_BYTES, LineSplitter, LineTooLong
from tests.domain.backup.builders import exported, manifest_file

pytestmark = pytest.mark.domain


def test_a_file_comes_back_from_its_line_unchanged() -> None:
    file = structs.replace(
        manifest_file("a/ü\n🙂.txt"), metadata={"title": "line\nfeed"}, tags={"x": "1"}
    )

    line = manifest.encode_line(file)

    assert line.count(b"\n") == 1
    assert manifest.decode_file(line) == file


def test_the_order_of_labels_does_not_change_a_manifest() -> None:
    one = structs.replace(manifest_file("a"), metadata={"x": "1", "y": "2"})
    other = structs.replace(manifest_file("a"), metadata={"y": "2", "x": "1"})

    assert manifest.encode_line(one) == manifest.encode_line(other)


def test_a_manifest_does_not_say_where_the_platform_kept_the_bytes() -> None:
    file = exported("a")

    assert file.blob_key.encode() not in manifest.encode_line(manifest.ManifestFile.of(file))


@pytest.mark.parametrize("line", [b"", b"{", b"[]", b'{"path": 1}'])
def test_a_line_that_is_no_file_is_damage(line: bytes) -> None:
    with pytest.raises(SnapshotDamaged):
        manifest.decode_file(line)
    with pytest.raises(SnapshotDamaged):
        manifest.decode_header(line)
    with pytest.raises(ExportDamaged):
        manifest.decode_exported(line)


@given(
    lines=st.lists(st.binary(max_size=20).filter(lambda line: b"\n" not in line)),
    size=st.integers(min_value=1, max_value=30),
)
def test_lines_are_the_same_however_the_pieces_are_cut(lines: list[bytes], size: int) -> None:
    whole = b"".join(line + b"\n" for line in lines)
    splitter = LineSplitter()

    pieces = [whole[at : at + size] for at in range(0, len(whole), size)]
    found = [line for piece in pieces for line in splitter.feed(piece)]

    assert found == lines
    assert splitter.unfinished() == b""


def test_a_line_that_was_cut_off_is_seen() -> None:
    splitter = LineSplitter()

    assert list(splitter.feed(b"one\ntw")) == [b"one"]

    assert splitter.unfinished() == b"tw"


def test_a_line_without_an_end_does_not_fill_the_memory() -> None:
    splitter = LineSplitter()

    with pytest.raises(LineTooLong):
        list(splitter.feed(b"x" * (MAX_LINE_BYTES + 1)))
