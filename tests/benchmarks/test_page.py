"""The page of benchmarks: what is rendered, and what stays."""

from pathlib import Path
from xml.etree import ElementTree

import pytest

from benchmarks import page, plots, report
from benchmarks.report import Goal, Plot, Report, Table

FOUND = Report(
    "train",
    "make bench-train",
    {"machine": "two cores", "versions": ""},
    goals=[Goal("memory", 200, 600, "MB"), Goal("speed", 0.5, 0.4), Goal("recall", 0.1, 0.165, most=False)],
    tables=[Table("Fit", ("what", "ratio", "s"), [("ours", 0.312345, 1234.5), ("peer", 1.0, 4000.0)])],
    plots=[Plot("fit", "Fit", "interactions", "s", {"ours": [(1, 2), (10, 20)]}, log=True)],
    notes=["said once"],
)
BLANK = "# Head\n\n<!-- goals -->\n<!-- end -->\n\nwritten by hand\n\n<!-- results: train -->\n<!-- end -->\n"


def test_what_was_missed_stands_first_and_is_named() -> None:
    lines = page.goals(FOUND.goals).splitlines()[2:]
    assert [line.split("|")[1].strip() for line in lines] == ["speed", "recall", "memory"]
    assert lines[0] == "| speed | 0.5 | at most 0.4 | 1.25 | **no** |"
    assert lines[1] == "| recall | 0.1 | at least 0.165 | 0.61 | **no** |"
    assert lines[2] == "| memory | 200 MB | at most 600 MB | 0.33 | yes |"


def test_a_figure_exactly_at_its_goal_is_reached() -> None:
    assert Goal("", 2, 2).reached
    assert Goal("", 2, 2, most=False).reached


def test_a_report_fills_its_place_and_nothing_else() -> None:
    made = page.rendered(BLANK, [FOUND])
    assert made.startswith("# Head\n\n<!-- goals -->\n")
    assert "<!-- end -->\n\nwritten by hand\n\n<!-- results: train -->\n" in made
    assert "| ours | 0.312 | 1,234 |" in made
    assert "![Fit](benchmarks/fit.svg)" in made
    assert "machine: two cores" in made
    assert "versions" not in made


def test_rendering_again_changes_nothing_and_leaves_nothing_of_the_last_report() -> None:
    once = page.rendered(BLANK, [FOUND])
    assert page.rendered(once, [FOUND]) == once
    bare = Report("train", "make bench-train", {"machine": "another"})
    assert "two cores" not in page.rendered(once, [bare])


def test_a_report_without_a_place_is_refused() -> None:
    with pytest.raises(ValueError, match="results: elsewhere"):
        page.rendered(BLANK, [Report("elsewhere", "", {})])


def test_a_kept_report_is_read_as_it_was(tmp_path: Path) -> None:
    read = report.read(report.keep(FOUND, tmp_path))
    assert page.section(read) == page.section(FOUND)
    assert read.goals == FOUND.goals


def test_the_page_of_this_project_is_what_its_kept_reports_make() -> None:
    kept = [report.read(path) for path in sorted(report.RESULTS.glob("*.json"))]
    text = page.PAGE.read_text()
    assert page.rendered(text, kept) == text
    for each in kept:
        for plot in each.plots:
            assert (page.PICTURES / f"{plot.name}.svg").exists()


def test_a_plot_is_a_picture_and_the_same_bytes_again(tmp_path: Path) -> None:
    for name in ("one", "two"):
        plots.draw(FOUND.plots[0], tmp_path / f"{name}.svg")
    first, second = ((tmp_path / f"{name}.svg").read_bytes() for name in ("one", "two"))
    assert first == second
    assert ElementTree.fromstring(first).tag.endswith("svg")
