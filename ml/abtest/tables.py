"""What is printed: the four tables, the verdict, and why the t-test is not it."""

from collections.abc import Iterator, Sequence
from itertools import chain

from ml.abtest.plan import Need, Traffic, longest
from ml.abtest.results import SIDES, Plain
from ml.experiment.inference import METRICS, Metric
from ml.experiment.planning import ALPHA, POWER
from movielog.events import DAY
from movielog.times import iso

ROWS = 14
"""Looks shown of a table; earlier ones are in the files."""
_WHOLE_WEEK = 7.0
NOT_THE_TEST = (
    "The t-test of ml/statistical_testing.py is not the verdict: it takes the looks for independent\n"
    "measurements, but each is made of the users of the one before and a few more. The verdict's unit\n"
    "is the user."
)


def tables(looks: Sequence[Plain]) -> str:
    """Per metric the values of both arms at each look, as they grow."""
    return "\n\n".join(_table(metric, looks) for metric in METRICS)


def _table(metric: Metric, looks: Sequence[Plain]) -> str:
    models = [looks[-1]["arms"][side]["model"] for side in SIDES]
    head = f"{metric.title:<24}" + "".join(
        f"{f'{side} {model}':>26}" for side, model in zip(SIDES, models, strict=True)
    )
    left = len(looks) - ROWS
    skipped = [f"  ({left} earlier looks)"] if left > 0 else []
    return "\n".join([head, *skipped, *(_row(metric, look) for look in looks[-ROWS:])])


def _row(metric: Metric, look: Plain) -> str:
    values = "".join(f"{_figure(look['arms'][side][metric.key]):>26}" for side in SIDES)
    return f"  {short(look['until']):<22}{values}"


def short(time: str) -> str:
    """A time of the results without what is below a second."""
    return time.partition(".")[0].replace("T", " ")


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def verdict(look: Plain) -> str:
    """The verdict of a look in plain words, metric by metric, with the check of the split."""
    number = f"look {look['look']}" + (f" of {look['looks']}" if look["looks"] else "")
    users = " and ".join(f"{look['arms'][side]['users']:,} {side}" for side in SIDES)
    lines = [f"{number}, up to {short(look['until'])} UTC, users: {users}", f"VERDICT  {look['verdict']}"]
    findings = [f"  {finding['says']}" for finding in look["metrics"].values()]
    return "\n".join([*lines, *findings, f"  {split(look)}"])


def split(look: Plain) -> str:
    """The check of the split in a sentence."""
    check = look["split"]
    if check is None:
        return "split: not checked, its rule promises no share of users to either arm"
    users = f"{check['users'][1]:,} of {sum(check['users']):,} users are in arm 2"
    said = "MISMATCH, the arms cannot be compared" if check["broken"] else "as promised"
    return f"split: {said}; {users}, {check['share2']:.1%} expected; p with their requests {check['p']:.2g}"


def plan(seen: Traffic, needs: Sequence[Need], share2: float) -> str:
    """Users and days for each metric's effect, and what was reckoned with."""
    days = (seen.window.end - seen.window.start) / DAY
    head = [
        f"seen: {seen.seen.n:,} users with {seen.seen.sum('requests'):,.0f} requests in {days:.1f} days, "
        f"up to {short(iso(seen.window.end))} UTC",
        f"to find an effect with {POWER:.0%} at {ALPHA:.0%} over metrics and looks, {share2:.0%} in arm 2:",
    ]
    rows = [("metric", "now", "effect", "users", "days"), *map(_need, needs)]
    most = longest(needs)
    last = [f"for all of them: {most.users:,} users"] if most else []
    reasons = [f"{need.metric.title}: {need.reason}" for need in needs if need.reason]
    return "\n".join([*head, "", *aligned(rows), "", *last, *reasons, *_caution(days)])


def _need(need: Need) -> tuple[str, ...]:
    users, days = ("-" if need.users is None else f"{need.users:,}"), "-"
    if need.days is not None:
        days = f"{need.days:.1f}"
    return need.metric.title, _figure(need.value), f"{need.effect:g}", users, days


def _caution(days: float) -> Sequence[str]:
    if days >= _WHOLE_WEEK:
        return []
    return ["less than a week was seen: days of other kinds may bring more or fewer users"]


def aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Rows of text in columns, the first one to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for first, *rest in rows:
        others = (f"{text:>{width}}" for text, width in zip(rest, widths[1:], strict=True))
        yield "  ".join(chain([f"{first:<{widths[0]}}"], others)).rstrip()
