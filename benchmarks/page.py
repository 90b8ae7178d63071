"""docs/benchmarks.md from the reports that are kept; what people wrote in it stays.

`python -m benchmarks.page` writes the page anew. A report of section X goes between `<!-- results: X -->`
and `<!-- end -->`, all goals go between `<!-- goals -->` and `<!-- end -->`, those that are missed first.
"""

import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmarks import plots, report
from benchmarks.report import Goal, Plot, Report, Table

DOCS = Path(__file__).parent.parent / "docs"
PAGE = DOCS / "benchmarks.md"
PICTURES = DOCS / "benchmarks"

_GOALS = re.compile(r"(<!-- goals -->\n).*?(<!-- end -->)", re.DOTALL)


def main() -> int:
    """Write the page and its pictures from `benchmarks/results`."""
    publish(*_kept())
    return 0


def publish(*reports: Report) -> None:
    """Print reports, keep them, draw their plots and write the page anew from all that are kept."""
    for each in reports:
        print(section(each), flush=True)
        report.keep(each)
        for plot in each.plots:
            plots.draw(plot, PICTURES / f"{plot.name}.svg")
    PAGE.write_text(rendered(PAGE.read_text(), _kept()))
    print(f"{PAGE} written", file=sys.stderr)


def _kept() -> list[Report]:
    return [report.read(path) for path in sorted(report.RESULTS.glob("*.json"))]


def rendered(page: str, reports: Sequence[Report]) -> str:
    """The page with these reports in their places; ValueError where one has no place."""
    text = goals([goal for each in reports for goal in each.goals])
    page = _GOALS.sub(lambda found: f"{found[1]}\n{text}\n{found[2]}", page)
    for each in reports:
        page = _with_section(page, each)
    return page


def _with_section(page: str, each: Report) -> str:
    place = re.compile(rf"(<!-- results: {re.escape(each.section)} -->\n).*?(<!-- end -->)", re.DOTALL)
    if not place.search(page):
        raise ValueError(f"the page has no place `<!-- results: {each.section} -->` ... `<!-- end -->`")
    return place.sub(lambda found: f"{found[1]}\n{section(each)}\n{found[2]}", page)


def goals(each: Iterable[Goal]) -> str:
    """A table of goals, the furthest missed first."""
    ordered = sorted(each, key=lambda goal: (goal.reached, -goal.ratio if goal.most else goal.ratio))
    rows = [
        (
            goal.what,
            f"{number(goal.measured)} {goal.unit}".strip(),
            f"{'at most' if goal.most else 'at least'} {number(goal.goal)} {goal.unit}".strip(),
            f"{goal.ratio:.2f}",
            "yes" if goal.reached else "**no**",
        )
        for goal in ordered
    ]
    return markdown(("figure", "measured", "goal", "measured / goal", "reached"), rows)


def section(each: Report) -> str:
    """A report as Markdown: how it was made, goals, tables, pictures, notes."""
    facts = " · ".join(f"{name}: {value}" for name, value in each.machine.items() if value)
    parts = [f"`{each.command}`. {facts}.\n"]
    parts += [goals(each.goals)] * bool(each.goals)
    parts += [_titled(table) for table in each.tables]
    parts += [_picture(plot) for plot in each.plots]
    parts += ["".join(f"- {note}\n" for note in each.notes)] * bool(each.notes)
    return "\n".join(parts)


def _titled(table: Table) -> str:
    return f"**{table.title}**\n\n{markdown(table.head, table.rows)}"


def _picture(plot: Plot) -> str:
    return f"![{plot.title}](benchmarks/{plot.name}.svg)\n"


def markdown(head: Sequence[str], rows: Iterable[Sequence[str | float]]) -> str:
    """A table in Markdown, numbers on the right."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "".join(f"| {' | '.join(map(number, line))} |\n" for line in lines)


def number(value: str | float) -> str:
    """Text as it is, a number to three figures, with commas from a thousand on."""
    if isinstance(value, str):
        return value
    if value == int(value) or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


if __name__ == "__main__":
    raise SystemExit(main())
