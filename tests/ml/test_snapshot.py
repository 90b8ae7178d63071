"""Snapshots taken from a store and kept as files."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ml import matrix, snapshot
from movielog.events import DAY, Rated
from store import open_store
from store.port import Batch, Store, Viewing, Window

WINDOW = Window(10 * DAY, 13 * DAY)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Three days on which forty users watch and rate twelve movies, again and again, and days around them."""
    chance = np.random.default_rng(5)
    store = open_store(f"sqlite://{tmp_path}/marquee.db")
    ratings, viewings = [], []
    for _ in range(900):
        day, user = int(chance.integers(8, 15)), int(chance.integers(40))
        movie, time = f"m{chance.integers(12)}", day * DAY + int(chance.integers(DAY))
        if chance.random() < 0.4:
            ratings.append(Rated(time, user, movie, float(chance.integers(2, 11)) / 2))
        else:
            viewings.append(Viewing(day, user, movie, time, time + 9, (1 << int(chance.integers(1, 90))) - 1))
    store.record(Batch(viewings, ratings))
    return store


def test_day_by_day_is_what_the_whole_window_at_once_would_be(store: Store) -> None:
    whole = matrix.snapshot(store.ratings(WINDOW), store.watches(WINDOW))
    pd.testing.assert_frame_equal(snapshot.take(store, WINDOW), whole)
    assert whole["rating"].isna().any()
    assert whole["rating"].notna().any()


def test_users_events_and_lines_are_counted(store: Store) -> None:
    table, counts = snapshot.counted(store, WINDOW)
    ratings, watches = store.ratings(WINDOW), store.watches(WINDOW)
    assert counts.users == table["user"].nunique()
    times = np.concatenate([ratings["time"], watches["first_time"]])
    assert counts.events.tolist() == [int((times // DAY == day).sum()) for day in (10, 11, 12)]
    assert counts.lines == len(ratings) + watches["minutes"].sum()


def test_of_an_empty_window_nothing_is_counted(store: Store) -> None:
    table, counts = snapshot.counted(store, Window(0, 2 * DAY))
    assert table.empty
    assert (counts.users, counts.events.tolist(), counts.lines) == (0, [0, 0], 0)


def test_what_is_read_is_what_was_written(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = snapshot.take(store, WINDOW)
    snapshot.write(table, tmp_path / "whole.csv")
    monkeypatch.setattr(snapshot, "_AT_ONCE", 7)
    snapshot.write(table, tmp_path / "parts.csv")
    assert (tmp_path / "parts.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()
    pd.testing.assert_frame_equal(snapshot.read(tmp_path / "parts.csv"), table)


def test_of_several_ratings_the_newest_stays_the_highest_of_several_at_once(tmp_path: Path) -> None:
    rated = [Rated(7, 1, "a", 5.0), Rated(9, 1, "a", 2.0), Rated(9, 1, "a", 3.0), Rated(8, 1, "b", 1.0)]
    store = open_store(f"sqlite://{tmp_path}/few.db")
    store.record(Batch(ratings=rated))
    table = snapshot.take(store, Window(0, DAY))
    assert table["rating"].tolist() == [3.0, 1.0]
    assert table["time"].tolist() == [9, 8]
