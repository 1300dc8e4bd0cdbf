"""What people type is understood, and what they read is safe to read."""

from datetime import UTC, datetime, timedelta

import pytest

from libs.client.cli.location import Location, parse_location
from libs.client.cli.output import counted, human_size, lasted, printable, short


@pytest.mark.parametrize(
    ("text", "expected", "is_prefix"),
    [
        ("papers", Location("papers"), True),
        ("papers/", Location("papers"), True),
        ("papers/2026/", Location("papers", "2026/"), True),
        ("papers/2026/a.pdf", Location("papers", "2026/a.pdf"), False),
        ("papers/ü ?#%.txt", Location("papers", "ü ?#%.txt"), False),
    ],
)
def test_a_location_is_a_bucket_and_what_is_in_it(
    text: str, expected: Location, is_prefix: bool
) -> None:
    location = parse_location(text)

    assert location == expected
    assert location.is_prefix is is_prefix
    assert str(location).rstrip("/") == text.rstrip("/")


@pytest.mark.parametrize("text", ["", "/", "/etc/passwd", "./file", "../file", "~/file"])
def test_a_local_path_is_no_location(text: str) -> None:
    with pytest.raises(ValueError, match="no bucket/path"):
        parse_location(text)


def test_a_name_cannot_command_the_terminal() -> None:
    assert printable("a\x1b[31mred\x07\nb") == "a\N{REPLACEMENT CHARACTER}[31mred" + (
        "\N{REPLACEMENT CHARACTER}" * 2 + "b"
    )
    assert printable("grün – 文件 [x].txt") == "grün – 文件 [x].txt"


def test_figures_are_for_people() -> None:
    began = datetime(2026, 11, 21, 12, tzinfo=UTC)

    assert human_size(1_234_567) == "1.2 MB"
    assert (counted(1, "file"), counted(2000, "file")) == ("1 file", "2,000 files")
    assert lasted(began, began + timedelta(seconds=1.25)) == "1.2 s"
    assert lasted(began, began + timedelta(seconds=75)) == "1 min 15 s"
    assert lasted(began, began + timedelta(hours=2, minutes=5)) == "2 h 05 min"
    assert lasted(None, None) == ""
    assert short("a" * 64) == "a" * 12
