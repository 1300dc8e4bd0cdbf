from pathlib import PurePosixPath

import pytest

from services.backup.domain.errors import TargetUrlRefused
from services.backup.domain.target_url import FilePlace, S3Place, check_below, parse, redacted

pytestmark = pytest.mark.domain

SECRET = "s3cr3t"


def test_a_folder_and_a_bucket_are_understood() -> None:
    assert parse("file:///var/backups/a%20b") == FilePlace(PurePosixPath("/var/backups/a b"))
    assert parse(f"s3://key:{SECRET}@host:9000/bucket/folder?tls=false") == S3Place(
        "host:9000", "bucket"
    )


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/var/backups",
        "http://host/bucket",
        "memory://",
        "file://host/var/backups",
        "file:relative",
        "file:///var/backups/../../etc",
        "file:///var/backups/%2e%2e/etc",
        "file:///var/backups?threads=1000",
        "file:///var/back%00ups",
        "s3://key:s3cr3t@host:9000",
        "s3://key:s3cr3t@/bucket",
        "s3://host:9000/bucket",
        "s3://key@host:9000/bucket",
        "s3://key:s3cr3t@host:port/bucket",
        "s3://key:s3cr3t@host/bucket?part_bytes=1",
        "s3://key:s3cr3t@host/bucket#fragment",
        "s3://key:s3cr3t@[host/bucket",
    ],
)
def test_an_address_that_no_target_can_have_is_refused_without_its_secret(url: str) -> None:
    with pytest.raises(TargetUrlRefused) as refused:
        parse(url)

    assert SECRET not in refused.value.detail


def test_a_target_is_shown_without_credentials_and_options() -> None:
    url = f"s3://key:{SECRET}@host:9000/bucket/folder?tls=false"

    assert redacted(url) == "s3://host:9000/bucket/folder"


@pytest.mark.parametrize("path", ["/backups", "/backups/a", "/backups/a/b"])
def test_folders_below_an_allowed_directory_are_allowed(path: str) -> None:
    check_below(PurePosixPath(path), [PurePosixPath("/other"), PurePosixPath("/backups")])


@pytest.mark.parametrize("path", ["/", "/backup", "/backups-2", "/etc/passwd"])
def test_other_folders_are_refused(path: str) -> None:
    with pytest.raises(TargetUrlRefused):
        check_below(PurePosixPath(path), [PurePosixPath("/backups")])


def test_without_allowed_directories_no_folder_is_allowed() -> None:
    with pytest.raises(TargetUrlRefused):
        check_below(PurePosixPath("/backups"), [])
