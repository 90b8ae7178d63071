"""The report on an experiment: one HTML file that needs no network, and a PNG of each plot."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader
from matplotlib.figure import Figure

from ml.abtest import tables
from ml.abtest.plots import metric_plot, png, split_plot, svg
from ml.abtest.results import SIDES, Plain
from ml.experiment.inference import METRICS, Metric
from ml.experiment.verdict import Outcome
from ml.provenance.records import Record
from movielog.times import day_of, iso
from store.port import ModelRef, Retrain, Route

_TEMPLATE = Path(__file__).with_name("report.html")
_TONES = {
    Outcome.OLD: "old",
    Outcome.NEW: "new",
    Outcome.SAME: "same",
    Outcome.OPEN: "open",
    Outcome.MIXED: "mixed",
    Outcome.BROKEN: "broken",
}
_NONE, _MINUS = "\N{EN DASH}", "\N{MINUS SIGN}"
_FILTERS: Mapping[str, Callable[..., object]] = {
    "time": tables.short,
    "figure": lambda value: _NONE if value is None else f"{value:.4f}",
    "signed": lambda value: f"{value:+.4f}".replace("-", _MINUS),
    "count": lambda value: f"{value:,.0f}",
    "p": lambda value: f"{value:.2g}" if value >= 1e-4 else "below 0.0001",
    "percent": lambda value: f"{value:.1%}",
    "day": day_of,
    "iso": iso,
    "tone": lambda outcome: _TONES[Outcome(outcome)],
}


@dataclass(frozen=True)
class Model:
    """What is known of a model: the route since which it serves, its retrain, and its tracked run, each None
    where there is none; in a sentence why no run is known."""

    ref: ModelRef
    route: Route | None
    retrain: Retrain | None
    run: Record | None
    no_run: str

    @classmethod
    def of(
        cls, ref: ModelRef, ledger: Sequence[Route], retrains: Sequence[Retrain], known: Record | str | None
    ) -> "Model":
        """From the store's ledger and retrains, and what the provenance repository knows."""
        served = next((route for route in ledger if ref in route.models.values()), None)
        made = next((each for each in reversed(retrains) if each.model == ref), None)
        if isinstance(known, Record):
            return cls(ref, served, made, known, "")
        return cls(ref, served, made, None, known or "nobody asked")


def write_report(results: Plain, models: Sequence[Model], path: Path) -> None:
    """Write the page on models old and new, and beside it `<stem>-<plot>.png`. There is at least one look."""
    looks = results["looks"]
    pictures = {metric.key: _picture(metric, looks, path) for metric in METRICS}
    page = _environment().get_template(_TEMPLATE.name)
    text = page.render(
        results=results,
        last=looks[-1],
        looks=looks,
        tone=_TONES[Outcome(looks[-1]["outcome"])],
        metrics=METRICS,
        pictures=pictures,
        split_picture=_split_picture(looks, path),
        split_says=tables.split(looks[-1]),
        models=list(zip(SIDES, models, strict=True)),
        not_the_test=tables.NOT_THE_TEST,
    )
    fresh = path.with_name(f"{path.name}.new")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(path)


def _environment() -> Environment:
    environment = Environment(loader=FileSystemLoader(_TEMPLATE.parent), autoescape=True, trim_blocks=True)
    environment.filters |= _FILTERS
    return environment


def _picture(metric: Metric, looks: Sequence[Plain], path: Path) -> str:
    figure = metric_plot(metric, looks)
    return _kept(figure, metric.key, _says(metric, looks), path)


def _split_picture(looks: Sequence[Plain], path: Path) -> str | None:
    if not any(look["split"] for look in looks):
        return None
    says = f"Share of users in arm 2 over time. {tables.split(looks[-1])}"
    return _kept(split_plot(looks), "split", says, path)


def _kept(figure: Figure, name: str, says: str, path: Path) -> str:
    element = svg(figure, name, says)
    png(figure, path.with_name(f"{path.stem}-{name}.png"))
    return element


def _says(metric: Metric, looks: Sequence[Plain]) -> str:
    """The plot in words."""
    arms, finding = looks[-1]["arms"], looks[-1]["metrics"][metric.key]
    shown = " and ".join(f"{side} {_FILTERS['figure'](arms[side][metric.key])}" for side in SIDES)
    return f"{metric.title} over {len(looks)} looks; at the last {shown}. {finding['says']}"
