"""What a file on a branch may be: the same as at storage, or it could never get into ``main``."""

from collections.abc import Mapping

from libs.contracts.labels import check_content_type, check_metadata, check_tags
from libs.contracts.paths import check_path
from services.versioning.domain.tree import Entry


def check_files(states: Mapping[str, Entry | None]) -> None:
    """Raise ``InvalidPath``, ``InvalidContentType`` or ``InvalidLabels`` for what no file can be.

    What is removed was a file, so nothing is asked of it.
    """
    for path, entry in states.items():
        if entry is not None:
            check_path(path)
            check_content_type(entry.content_type)
            check_metadata(entry.metadata)
            check_tags(entry.tags)
