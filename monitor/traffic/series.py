"""The last hours of traffic as columns, for a chart."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

from monitor.traffic.tally import MINUTE, Span, Traffic, cumulated
from movielog.events import SECOND

_STEP_SECONDS = MINUTE // SECOND


def columns(traffic: Traffic, minutes: int, step: int) -> Mapping[str, Sequence[float | None]]:
    """Steps of `step` minutes over the whole `minutes` before the newest event's: unix time in seconds of
    their beginnings, requests and failed or late ones per minute, share within the deadline, median and 95th
    percentile of the duration in ms. None where there was no request; no step before the first event.
    """
    if traffic.newest is None:
        return {name: [] for name in ("time", "requests", "missed", "ratio", "p50", "p95")}
    now = traffic.newest // MINUTE
    starts = range(now - minutes, now, step)
    spans = [_joined(traffic, start, step) for start in starts]
    return {
        "time": [start * _STEP_SECONDS for start in starts],
        "requests": [span.requests / step for span in spans],
        "missed": [(span.requests - span.within) / step for span in spans],
        "ratio": [span.ratio if span.requests else None for span in spans],
        "p50": [quantile(traffic.deadline_ms, span, 0.5) for span in spans],
        "p95": [quantile(traffic.deadline_ms, span, 0.95) for span in spans],
    }


def _joined(traffic: Traffic, start: int, step: int) -> Span:
    inside = (traffic.minutes[m] for m in range(start, start + step) if m in traffic.minutes)
    return Span.sum(inside, len(traffic.total.classes))


def quantile(deadline_ms: int, span: Span, share: float) -> float | None:
    """Duration in ms below which this share of the requests lies, evenly spread within a class; the longest
    class counts as its beginning. None without a request."""
    wanted = share * span.requests
    if not span.requests:
        return None
    for (start, before), (end, until) in pairwise([(0.0, 0), *cumulated(deadline_ms, span)]):
        if until >= wanted and until > before:
            inside = (wanted - before) / (until - before) if end != float("inf") else 0.0
            return 1000 * (start + (end - start) * inside if inside else start)
    raise AssertionError("the last class holds all")
