"""What a grant may be, and when one may go."""

from collections.abc import Sequence

from libs.contracts.paths import InvalidPath, check_path
from libs.contracts.storage import MOST_GRANTS, Grant, Role
from services.storage.domain.errors import LastOwner, TooManyGrants


def check_prefix(prefix: str) -> None:
    """Raise ``InvalidPath`` unless ``prefix`` is empty or whole segments that files can be below.

    ``reports`` would cover ``reports-of-others/``, too: nobody means that.
    """
    if not prefix:
        return
    if not prefix.endswith("/"):
        raise InvalidPath("the prefix of a grant is empty or ends with a slash", field="prefix")
    check_path(f"{prefix}a", "prefix")


def check_owner_stays(
    grants: Sequence[Grant], principal: str, prefix: str, *, role: Role | None
) -> None:
    """Raise ``LastOwner`` when this change would take the bucket's last owner away."""
    owners = [grant.principal for grant in grants if not grant.prefix and grant.role == "owner"]
    if not prefix and role != "owner" and owners == [principal]:
        raise LastOwner("give the bucket another owner first", principal=principal)


def check_room(grants: Sequence[Grant], principal: str, prefix: str) -> None:
    """Raise ``TooManyGrants`` when one more would not fit."""
    known = any((grant.principal, grant.prefix) == (principal, prefix) for grant in grants)
    if not known and len(grants) >= MOST_GRANTS:
        raise TooManyGrants(
            f"a bucket has at most {MOST_GRANTS} grants: give some to a group instead"
        )
