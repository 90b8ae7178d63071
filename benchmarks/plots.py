"""Pictures of measured curves, the same bytes from the same figures."""

from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from benchmarks.report import Plot


def draw(plot: Plot, path: Path) -> None:
    """Write the plot as SVG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context({"svg.hashsalt": plot.name, "font.size": 9}):
        figure = Figure(figsize=(6.4, 3.6), layout="constrained")
        axes = figure.add_subplot()
        for name, points in plot.series.items():
            axes.plot(*zip(*points, strict=True), marker="o", markersize=4, label=name)
        axes.set(title=plot.title, xlabel=plot.x, ylabel=plot.y)
        if plot.log:
            axes.set(xscale="log", yscale="log")
        else:
            axes.set_ylim(bottom=0)
        axes.grid(visible=True, which="both", alpha=0.25)
        axes.legend(frameon=False)
        figure.savefig(path, metadata={"Date": None})
