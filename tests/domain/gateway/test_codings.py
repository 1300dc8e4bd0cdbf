"""Who is sent zstd: whoever asked for it by name."""

import pytest

from services.gateway.domain.codings import accepts_zstd


@pytest.mark.parametrize(
    ("header", "accepted"),
    [
        (None, False),
        ("", False),
        ("zstd", True),
        ("gzip, deflate, br, zstd", True),
        ("gzip;q=1.0, ZSTD ; q=0.5", True),
        ("zstd;q=0", False),
        ("zstd;q=0.000", False),
        ("zstd;q=0.5, identity", False),
        ("zstd;q=0.5, identity;q=0.5", True),
        ("*", False),
        ("identity", False),
        ("xzstd", False),
        ("zstd;q=2", False),
        ("zstd; level=3", False),
        ("gzip,,zstd", True),
    ],
)
def test_zstd_is_sent_to_who_names_it(header: str | None, accepted: bool) -> None:
    assert accepts_zstd(header) is accepted


@pytest.mark.parametrize(
    ("header", "accepted"),
    [
        ("zstd", True),
        ("zstd, identity;q=0.5", True),
        ("zstd, gzip;q=0", True),
        ("gzip, deflate, br, zstd", False),
        ("zstd, *", False),
        ("gzip", False),
    ],
)
def test_several_frames_are_sent_to_who_names_nothing_else(header: str, accepted: bool) -> None:
    assert accepts_zstd(header, frames=2) is accepted
