"""Content codings (RFC 9110 §8.4, §12.5.3): whether a reader takes zstd apart himself."""

import re

ZSTD = "zstd"

_MEMBER = re.compile(
    r"[ \t]*([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*(?:;[ \t]*q=([01](?:\.\d{0,3})?))?[ \t]*"
)


def accepts_zstd(header: str | None) -> bool:
    """Tell whether ``Accept-Encoding`` names zstd, and likes it no less than plain bytes.

    ``*`` is not enough: it comes from readers that never heard of zstd. What cannot be read counts
    as not said, as plain bytes suit everybody.
    """
    weights: dict[str, float] = {}
    for member in (header or "").split(","):
        parsed = _MEMBER.fullmatch(member)
        if parsed:
            weights[parsed[1].lower()] = float(parsed[2] or 1)
    return weights.get(ZSTD, 0.0) > 0 and weights[ZSTD] >= weights.get("identity", 0.0)
