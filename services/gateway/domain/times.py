"""Times in a query."""

from datetime import UTC, datetime

from services.gateway.domain.failures import InvalidInput


def parse(text: str | None, parameter: str) -> datetime | None:
    """Return a time of RFC 3339 in UTC; raises ``InvalidInput``, also for one without a zone."""
    if text is None:
        return None
    try:
        # A plus sign in a query becomes a space when nobody encodes it.
        time = datetime.fromisoformat(text.replace(" ", "+"))
        if time.utcoffset() is None:
            raise InvalidInput(
                f"{text!r} needs a time zone: write {text}Z for UTC", parameter=parameter
            )
        return time.astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidInput(
            f"{text!r} is no time: write 2026-11-20T10:00Z", parameter=parameter
        ) from None
