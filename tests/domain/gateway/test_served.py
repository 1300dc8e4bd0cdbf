"""Foreign bytes never run in our name, and a file's name never becomes a header."""

import pytest

from services.gateway.domain.served import disposition, is_content_type


@pytest.mark.parametrize(
    "active",
    [
        "text/html",
        "TEXT/HTML; charset=utf-8",
        "image/svg+xml",
        "application/xhtml+xml",
        "text/xml",
        "application/xml",
        "application/atom+xml",
        "text/javascript",
        "application/javascript",
        "application/x-javascript",
        "application/pdf",
        "text/css",
    ],
)
def test_what_a_browser_could_run_is_an_attachment(active: str) -> None:
    assert disposition("a", active, download=False).startswith("attachment;")


@pytest.mark.parametrize("harmless", ["text/plain", "image/png", "application/octet-stream"])
def test_harmless_types_are_shown_unless_a_download_is_wanted(harmless: str) -> None:
    assert disposition("a", harmless, download=False).startswith("inline;")
    assert disposition("a", harmless, download=True).startswith("attachment;")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("a/b/report.txt", 'inline; filename="report.txt"'),
        ("two words.txt", 'inline; filename="two words.txt"'),
        ("ä.txt", "inline; filename=\"_.txt\"; filename*=UTF-8''%C3%A4.txt"),
        ('quo"te', "inline; filename=\"quo_te\"; filename*=UTF-8''quo%22te"),
        ("back\\slash", "inline; filename=\"back_slash\"; filename*=UTF-8''back%5Cslash"),
        ("a\r\nX: y", "inline; filename=\"a__X: y\"; filename*=UTF-8''a%0D%0AX%3A%20y"),
    ],
)
def test_a_name_is_encoded_as_rfc_6266_wants_it(path: str, value: str) -> None:
    assert disposition(path, "text/plain", download=False) == value


@pytest.mark.parametrize("good", ["text/plain", "text/plain; charset=utf-8", "application/x-a.b+c"])
def test_media_types_may_have_parameters(good: str) -> None:
    assert is_content_type(good)


@pytest.mark.parametrize(
    "bad", ["", "text", "/", "text/", "te xt/plain", "text/plain\r\nX: y", "ä/b"]
)
def test_what_is_no_media_type_is_refused(bad: str) -> None:
    assert not is_content_type(bad)
