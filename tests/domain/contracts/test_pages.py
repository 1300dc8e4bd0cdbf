from libs.contracts.pages import fitting


def test_a_page_ends_where_the_message_is_full() -> None:
    assert fitting(["abc"] * 9, most_bytes=6 * 4) == ["abc"] * 4


def test_what_fits_is_one_page() -> None:
    assert fitting(["abc"] * 4, most_bytes=6 * 4) == ["abc"] * 4


def test_a_page_is_never_empty_or_it_would_never_end() -> None:
    assert fitting(["abc", "def"], most_bytes=1) == ["abc"]
    assert fitting([]) == []
