"""The arithmetic of docs/scaling.md."""

from math import ceil

import pytest

from benchmarks import scaling
from benchmarks.scaling import Needs


def test_ten_times_the_users_need_ten_times_as_much_or_less() -> None:
    ten, hundred = Needs(10_000_000), Needs(100_000_000)
    for name in ("lines", "requests", "viewings_gb", "model_gb", "fit_seconds", "retrain_gb"):
        assert getattr(hundred, name) == pytest.approx(10 * getattr(ten, name))
    for name in ("partitions", "shards", "replicas", "executors"):
        assert 1 <= getattr(ten, name) <= getattr(hundred, name) <= 10 * getattr(ten, name)


def test_lines_and_partitions_follow_from_the_rates() -> None:
    lines = 10_000_000 * 3 * 60 / 86_400 * 3
    assert Needs(10_000_000).lines == lines
    assert Needs(10_000_000).partitions == ceil(lines / (scaling.INGEST.value * 0.6))


def test_a_small_audience_still_has_two_replicas() -> None:
    assert Needs(1_000).replicas == 2


def test_the_page_holds_what_the_rates_make() -> None:
    page = scaling.PAGE.read_text()
    assert scaling.rendered(page) == page
    assert scaling.needs() in page
    assert scaling.rates() in page
