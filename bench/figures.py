"""What a case found: a ratio of two things that took turns, or one number."""

from collections.abc import Callable, Sequence
from statistics import median

from msgspec import Struct, field


class Figure(Struct, frozen=True, kw_only=True):
    """One row of the table."""

    case: str
    ours: str
    reference: str = ""
    figure: str = ""
    target: str = ""
    met: bool | None = None
    """None where there is no target."""
    samples: dict[str, list[float]] = field(default_factory=dict)
    """Everything that was measured, for who wants another statistic."""


def ratio(
    case: str,
    ours: Sequence[float],
    reference: Sequence[float],
    unit: str,
    *,
    at_least: float | None = None,
) -> Figure:
    """Compare rates of which the n-th of each were measured right after one another.

    The ratio is the median of the pairs' own: a slow minute of the machine spoils a pair less than
    it spoils the one or the other median.
    """
    pairs = [mine / theirs for mine, theirs in zip(ours, reference, strict=True)]
    found = median(pairs)
    return Figure(
        case=case,
        ours=_spread(ours, unit),
        reference=_spread(reference, unit),
        figure=f"{found:.2f}× ({min(pairs):.2f}–{max(pairs):.2f})",
        target="" if at_least is None else f"≥ {at_least:g}×",
        met=None if at_least is None else found >= at_least,
        samples={"ours": list(ours), "reference": list(reference)},
    )


def limit(
    case: str,
    measured: Sequence[float],
    unit: str,
    *,
    at_most: float | None = None,
    statistic: Callable[[Sequence[float]], float] = max,
    detail: str = "",
) -> Figure:
    """Hold one statistic of what was measured against a limit."""
    found = statistic(measured)
    return Figure(
        case=case,
        ours=detail,
        figure=_number(found, unit),
        target="" if at_most is None else f"≤ {_number(at_most, unit)}",
        met=None if at_most is None else found <= at_most,
        samples={"ours": list(measured)},
    )


def rate(
    case: str,
    measured: Sequence[float],
    unit: str,
    *,
    at_least: float | None = None,
    detail: str = "",
) -> Figure:
    """Tell how fast something is, and hold the median against what is demanded of it."""
    return Figure(
        case=case,
        ours=detail,
        figure=_spread(measured, unit),
        target="" if at_least is None else f"≥ {_number(at_least, unit)}",
        met=None if at_least is None else median(measured) >= at_least,
        samples={"ours": list(measured)},
    )


def percentile(measured: Sequence[float], share: float) -> float:
    """Return what ``share`` of the values do not exceed (nearest rank)."""
    ranked = sorted(measured)
    return ranked[max(0, -int(-len(ranked) * share // 1) - 1)]


def _spread(measured: Sequence[float], unit: str) -> str:
    middle = _number(median(measured), unit)
    if len(measured) == 1:
        return middle
    low, high = min(measured), max(measured)
    return f"{middle} ({_digits(low)}–{_digits(high)})"


def _number(value: float, unit: str) -> str:
    return f"{_digits(value)} {unit}"


def _digits(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
