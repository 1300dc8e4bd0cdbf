"""Content codings (RFC 9110 §8.4, §12.5.3): whether a reader takes zstd apart himself."""

import re

ZSTD = "zstd"

_MEMBER = re.compile(
    r"[ \t]*([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*(?:;[ \t]*q=([01](?:\.\d{0,3})?))?[ \t]*"
)


def accepts_zstd(header: str | None, *, frames: int = 1) -> bool:
    """Tell whether ``Accept-Encoding`` names zstd, and likes it no less than plain bytes.

    More than one frame is for who names no other coding. RFC 8878 has every decoder go on with the
    next frame, but those of httpx and urllib3, which ask for all codings they know by themselves,
    fail when what they received last ended where a frame did.

    ``*`` is not enough: it comes from readers that never heard of zstd. What cannot be read counts
    as not said, as plain bytes suit everybody.
    """
    weights: dict[str, float] = {}
    for member in (header or "").split(","):
        parsed = _MEMBER.fullmatch(member)
        if parsed:
            weights[parsed[1].lower()] = float(parsed[2] or 1)
    identity = weights.pop("identity", 0.0)
    wanted = {coding for coding, weight in weights.items() if weight > 0}
    if ZSTD not in wanted or weights[ZSTD] < identity:
        return False
    return frames == 1 or wanted == {ZSTD}
