"""Pictures of an experiment: each metric over the looks, and the split."""

import io
from collections.abc import Sequence
from html import escape
from math import sqrt
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ml.abtest.results import SIDES, Plain
from ml.experiment.inference import Metric
from movielog.events import SECOND
from movielog.times import instant

COLOURS = {"old": "#00588a", "new": "#b3470b"}
"""Blue and orange: told apart by colour-blind readers, at least 5:1 on white."""
_MARKERS = {"old": "o", "new": "s"}
_LINES = {"old": "-", "new": "--"}
_INK, _GRID = "#1f2328", "#d8dee4"
_STYLE: Any = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Arial", "sans-serif"],
    "font.size": 9.5,
    "text.color": _INK,
    "axes.labelcolor": _INK,
    "axes.edgecolor": "#6e7781",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10.5,
    "axes.titlelocation": "left",
    "axes.grid": True,
    "grid.color": _GRID,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "axes.axisbelow": True,
}
_SIZE = (4.9, 4.7)
_TWO_SIGMA = 1.96


def metric_plot(metric: Metric, looks: Sequence[Plain]) -> Figure:
    """Both arms with their 95% intervals above, the difference with the interval of all looks below."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=_SIZE, layout="constrained")
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=[3, 2])
        _arms(above, metric, looks)
        _differences(below, metric, looks)
        _time_axis(below, looks)
    return figure


def _arms(axes: Axes, metric: Metric, looks: Sequence[Plain]) -> None:
    for side in SIDES:
        there = [look for look in looks if look["arms"][side][metric.key] is not None]
        values = [look["arms"][side][metric.key] for look in there]
        style: Any = {"color": COLOURS[side], "marker": _MARKERS[side], "linestyle": _LINES[side]}
        axes.plot(_times(looks, there), values, label=_legend(looks, side), markersize=4.5, **style)
        known = [look for look in there if look["arms"][side]["intervals"][metric.key]]
        bands = [look["arms"][side]["intervals"][metric.key] for look in known]
        low, high = zip(*bands, strict=True) if bands else ((), ())
        axes.fill_between(_times(looks, known), low, high, color=COLOURS[side], alpha=0.14, linewidth=0)
    axes.set_title(f"{metric.title}, with 95% intervals")
    axes.legend(frameon=False, fontsize=9)


def _legend(looks: Sequence[Plain], side: str) -> str:
    return f"{side}: {looks[-1]['arms'][side]['model']}"


def _differences(axes: Axes, metric: Metric, looks: Sequence[Plain]) -> None:
    known = [look for look in looks if "estimate" in look["metrics"][metric.key]]
    found = [look["metrics"][metric.key] for look in known]
    axes.axhspan(-metric.effect, metric.effect, color="#eaeef2", zorder=0)
    axes.axhline(0, color="#6e7781", linewidth=1)
    middle = [each["estimate"] for each in found]
    ends = [[abs(each["interval"][at] - each["estimate"]) for each in found] for at in (0, 1)]
    axes.errorbar(_times(looks, known), middle, yerr=ends, color=_INK, fmt="D", markersize=4, capsize=3)
    axes.set_title(f"old minus new; grey: smaller than {metric.effect:g}")
    axes.margins(y=0.12)


def split_plot(looks: Sequence[Plain]) -> Figure:
    """Share of users in arm 2 at each look, and where it would lie in 95 of 100 sound experiments."""
    known = [look for look in looks if look["split"]]
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(_SIZE[0], 2.4), layout="constrained")
        axes = figure.subplots()
        total = [sum(look["split"]["users"]) for look in known]
        expected = [look["split"]["share2"] for look in known]
        shares = [look["split"]["users"][1] / n for look, n in zip(known, total, strict=True)]
        half = [_TWO_SIGMA * sqrt(p * (1 - p) / n) for p, n in zip(expected, total, strict=True)]
        low, high = zip(*((p - h, p + h) for p, h in zip(expected, half, strict=True)), strict=True)
        times = _times(looks, known)
        axes.fill_between(times, low, high, color="#d0d7de", alpha=0.6, linewidth=0)
        axes.plot(times, shares, color=_INK, marker="D", markersize=4)
        axes.set_title("share of users in arm 2; grey: 95 of 100 sound splits")
        axes.margins(y=0.2)
        _time_axis(axes, looks)
    return figure


def _time_axis(axes: Axes, looks: Sequence[Plain]) -> None:
    axes.set_xlabel(_unit(looks)[1])
    axes.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True, min_n_ticks=1))


def _unit(looks: Sequence[Plain]) -> tuple[int, str]:
    """What the time axis counts in: ns, and its label."""
    span = instant(looks[-1]["until"]) - instant(looks[0]["since"])
    for seconds, name, most in ((60, "minutes", 120), (3600, "hours", 96)):
        if span <= most * seconds * SECOND:
            return seconds * SECOND, f"{name} since the experiment began"
    return 86_400 * SECOND, "days since the experiment began"


def _times(looks: Sequence[Plain], of: Sequence[Plain]) -> list[float]:
    start, unit = instant(looks[0]["since"]), _unit(looks)[0]
    return [(instant(look["until"]) - start) / unit for look in of]


def svg(figure: Figure, name: str, says: str) -> str:
    """The figure as an element to stand in a page; `name` keeps its ids apart from other figures'.

    `says` is what it shows, for those who do not see it.
    """
    text = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": name, "svg.fonttype": "none"}):
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    element = text.getvalue()
    return element[element.index("<svg") :].replace(
        "<svg ", f'<svg role="img" aria-label="{escape(says)}" ', 1
    )


def png(figure: Figure, path: Path) -> None:
    """Write the figure as a PNG, laid out as it was drawn before."""
    figure.set_layout_engine("none")
    figure.savefig(path, format="png", dpi=150, metadata={"Software": None})
