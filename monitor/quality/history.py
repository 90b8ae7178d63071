"""The latest figures and how the four metrics moved, kept in the store for those who show them."""

from collections.abc import Sequence
from math import isnan
from typing import Any

from ml.experiment.inference import METRICS
from monitor.quality import kept
from monitor.quality.figures import Figure
from store.port import Store

LONGEST = 1_440
"""Samples that are kept, one a minute at most."""

_PREFIX = "online_"


class History:
    """Samples by the minute (unix time in seconds), and all figures of the last update."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._samples: list[dict[str, Any]] = kept.read(store)["samples"]

    def keep(self, figures: Sequence[Figure], seconds: int) -> None:
        """Write what was found at this time."""
        if not self._samples or self._samples[-1]["time"] // 60 != seconds // 60:
            self._samples = [*self._samples[1 - LONGEST :], _sample(figures, seconds)]
        current = [[figure.name, dict(figure.labels), _plain(figure.value)] for figure in figures]
        state = {"updated": seconds, "figures": current, "samples": self._samples}
        kept.write(self._store, state)


def _sample(figures: Sequence[Figure], seconds: int) -> dict[str, Any]:
    """Time, and by window, arm and metric the value of the model with the most requests."""
    windows: dict[str, dict[str, dict[str, float | None]]] = {}
    for window, arm, model in _largest(figures):
        rows = windows.setdefault(window, {})
        rows[arm] = {
            figure.name.removeprefix(_PREFIX): _plain(figure.value)
            for figure in figures
            if figure.labels == {"window": window, "arm": arm, "model": model}
            and figure.name.removeprefix(_PREFIX) in _KEYS
        }
    return {"time": seconds, "windows": windows}


_KEYS = {metric.key for metric in METRICS}


def _largest(figures: Sequence[Figure]) -> Sequence[tuple[str, str, str]]:
    """Window, arm and model of the model with the most requests in each window and arm."""
    found: dict[tuple[str, str], tuple[float, str]] = {}
    for figure in figures:
        if figure.name == "online_requests":
            window, arm, model = figure.labels.values()
            found[window, arm] = max(found.get((window, arm), (-1.0, "")), (figure.value, model))
    return [(window, arm, model) for (window, arm), (_, model) in found.items()]


def _plain(value: float) -> float | None:
    return None if isnan(value) else value
