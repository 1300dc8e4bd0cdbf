"""Where things lie in a target. Each object is final on its first write.

::

    config                   format, repository id, features that a reader must know
    data/<xx>/<sha256>       the bytes with this digest
    manifests/<xx>/<sha256>  the files of a bucket at an instant, one a line
    snapshots/<time>-<id>    the commit point of a snapshot, written last
"""

import re
from datetime import UTC, datetime
from uuid import UUID

from libs.contracts.values import Sha256

CONFIG_KEY = "config"
DATA_FOLDER = "data"
SNAPSHOT_FOLDER = "snapshots"

_SHA256 = re.compile(r"[0-9a-f]{64}")
_TIME = "%Y%m%dt%H%M%S.%fz"


def data_key(sha256: Sha256) -> str:
    """Return where the bytes with this digest lie; 256 folders keep each of them small."""
    return f"{DATA_FOLDER}/{sha256[:2]}/{sha256}"


def manifest_key(sha256: Sha256) -> str:
    """Return where the manifest with this digest lies."""
    return f"manifests/{sha256[:2]}/{sha256}"


def snapshot_key(sealed_at: datetime, snapshot_id: UUID) -> str:
    """Return the name of a snapshot's record; names sort in the order of sealing."""
    return f"{SNAPSHOT_FOLDER}/{sealed_at.astimezone(UTC).strftime(_TIME)}-{snapshot_id}"


def is_snapshot_key(key: str) -> bool:
    """Tell whether ``key`` is the name of a snapshot's record."""
    try:
        return snapshot_key(sealed_at_of(key), snapshot_id_of(key)) == key
    except ValueError:
        return False


def sealed_at_of(key: str) -> datetime:
    """Return the time in the name of a snapshot's record."""
    time = key.removeprefix(f"{SNAPSHOT_FOLDER}/").partition("-")[0]
    return datetime.strptime(time, _TIME).replace(tzinfo=UTC)


def snapshot_id_of(key: str) -> UUID:
    """Return the id in the name of a snapshot's record."""
    return UUID(key.partition("-")[2])


def is_data_key(key: str) -> bool:
    """Tell whether ``key`` is the name of a blob."""
    digest = digest_of(key)
    return _SHA256.fullmatch(digest) is not None and data_key(digest) == key


def digest_of(key: str) -> Sha256:
    """Return the digest that the name of a data object promises."""
    return key.rpartition("/")[2]


def probe_key(probe_id: UUID) -> str:
    """Return where a target is tried out."""
    return f"probes/{probe_id}"
