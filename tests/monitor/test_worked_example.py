"""The worked example of docs/monitoring.md, computed again."""

import re
from math import isnan
from pathlib import Path

import pytest

from ml.running.feeder import newest
from monitor.quality.windows.feed import Feed
from monitor.quality.windows.lately import Lately
from monitor.quality.windows.sliding import Sliding
from monitor.traffic.tally import Tally
from movielog.events import DAY, Requested
from movielog.ingest import aggregate
from movielog.parse import parse_line
from store.port import Answer, ModelRef
from tests.fakes import MemoryStore

PAGE = (Path(__file__).parents[2] / "docs" / "monitoring.md").read_text()
LINES = re.findall(r"^2022-.*$", PAGE, re.MULTILINE)
ARM_2 = 6


def table() -> dict[str, list[str]]:
    """Cells of both arms by the row's name."""
    rows = re.findall(
        r"^\| ([a-z ]+) \| ([^|]*) \| ([^|]*) \|$", PAGE[PAGE.index("| | arm 1 |") :], re.MULTILINE
    )
    return {name: [one.strip(), two.strip()] for name, one, two in rows}


def value(cell: str) -> float | None:
    if cell == "-":
        return None
    above, _, below = cell.partition(" / ")
    return int(above) / int(below or 1)


def measured() -> Sliding:
    store, window = MemoryStore(), Sliding(DAY)
    lines = [line.encode() for line in LINES]
    store.record(aggregate(lines, str))
    requests = [event for event in map(parse_line, lines) if isinstance(event, Requested)]
    models = {arm: ModelRef(f"KNN_{arm}_2022-04-08", "a" * 64) for arm in (1, 2)}
    arms = {event: 1 + (event.user == ARM_2) for event in requests}
    store.record_answers(
        [Answer(one.time, one.user, arm, models[arm], "knn", one.movies) for one, arm in arms.items()]
    )
    Feed(store, [window], Lately(DAY)).advance(newest(store))
    return window


def test_the_page_has_the_example() -> None:
    assert len(LINES) == 15
    assert list(table()) == [
        "users",
        "record accuracy",
        "recommendation accuracy",
        "average rating",
        "average top rating",
    ]


@pytest.mark.parametrize("arm", [1, 2])
def test_both_arms_figures_are_those_of_the_page(arm: int) -> None:
    online = measured().measured()[arm, f"KNN_{arm}_2022-04-08"].online
    for name, cells in table().items():
        found = getattr(online, name.replace(" ", "_"))
        assert (None if isnan(found) else found) == value(cells[arm - 1]), name


def test_the_share_within_the_deadline_is_that_of_the_page() -> None:
    tally = Tally(750)
    tally.add([line.encode() for line in LINES], now=2 * 10**18)
    requests, within, share = re.findall(r"saw (\d) requests, (\d) of them .*: a share of ([\d.]*\d)", PAGE)[
        0
    ]
    day = tally.traffic().day
    assert (day.requests, day.within, day.ratio) == (int(requests), int(within), float(share))
