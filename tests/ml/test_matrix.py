"""Events become strengths, whatever the order they come in."""

import numpy as np
import pandas as pd
import pytest

from ml.matrix import faded, interactions, snapshot, strength
from tests.ml.worlds import dense, ratings, tastes, watches


def test_stars_are_fifths_and_a_watch_counts_by_its_share_of_the_movie() -> None:
    assert strength(0, 100, [5.0, 4.5, 1.0, 0.5]).tolist() == [200, 180, 40, 20]
    assert strength([0, 25, 50, 100, 140], 100, np.nan).tolist() == [40, 70, 100, 160, 160]


def test_a_rating_counts_instead_of_the_watch() -> None:
    assert strength(100, 100, 2.0) == strength(1, 100, 2.0) == 80


def test_a_movie_fades_in_its_users_history_as_others_come_after_it() -> None:
    assert faded(200, [0, 5, 10]).tolist() == [200, 100, 67]
    assert faded(1, 10_000) == 1


def test_a_snapshot_has_the_newest_rating_and_all_minutes_of_a_user_and_movie() -> None:
    rated = ratings([(7, "a", 10, 2.0), (7, "a", 30, 4.0), (7, "a", 30, 3.5), (8, "a", 5, 1.0)])
    watched = watches([(7, "a", 5, 20), (7, "a", 50, 30), (7, "b", 40, 9)])
    table = snapshot(rated, watched)
    assert table.astype({"movie": str}).fillna(-1).to_numpy().tolist() == [
        [7, "a", 50, 50, 4.0],
        [7, "b", 40, 9, -1],
        [8, "a", 5, 0, 1.0],
    ]


def test_rows_are_users_and_columns_movies_with_the_most_watched_first() -> None:
    rated = ratings(
        [(9, "z", 1, 5.0), (9, "b", 2, 2.5), (3, "z", 1, 1.0), (3, "a", 1, 5.0), (4, "z", 1, 4.0)]
    )
    data = interactions(snapshot(rated, watches([])))
    assert data.users.tolist() == [3, 4, 9]
    assert data.movies == ("z", "a", "b")
    assert dense(data, data.strength).tolist() == [[40, 200, 0], [160, 0, 0], [200, 0, 100]]
    assert dense(data, data.weight).tolist() == [[40, 200, 0], [160, 0, 0], [167, 0, 100]]


def test_the_length_of_a_movie_is_what_nine_of_ten_viewers_do_not_exceed() -> None:
    rows = [(user, "long", 0, 100) for user in range(18)] + [(20, "long", 0, 1440), (21, "long", 0, 1440)]
    data = interactions(snapshot(ratings([]), watches([*rows, (1, "short", 0, 3)])))
    assert dict(zip(data.movies, data.lengths.tolist(), strict=True)) == {"long": 100, "short": 30}
    assert data.strength[-2:].tolist() == [160, 160]


@pytest.mark.parametrize("seed", range(3))
def test_neither_the_order_of_rows_nor_of_categories_changes_anything(seed: int) -> None:
    chance = np.random.default_rng(seed)
    rated = tastes(60, 40)
    watched = watches(
        [(int(u), f"m{m}", int(u * m), int(m) + 1) for u, m in chance.integers(0, 50, (300, 2))]
    ).drop_duplicates(["user", "movie"])
    usual = interactions(snapshot(rated, watched))
    mixed = interactions(snapshot(_mixed(rated, chance), _mixed(watched, chance)))
    assert usual.movies == mixed.movies
    for name in ("users", "indptr", "movie", "strength", "weight", "lengths"):
        assert np.array_equal(getattr(usual, name), getattr(mixed, name)), name


def _mixed(frame: pd.DataFrame, chance: np.random.Generator) -> pd.DataFrame:
    categories = chance.permutation([*frame["movie"].cat.categories, "unused"])
    frame = frame.assign(movie=frame["movie"].cat.set_categories(categories))
    return frame.iloc[chance.permutation(len(frame))]


def test_nothing_is_an_empty_matrix() -> None:
    data = interactions(snapshot(ratings([]), watches([])))
    assert (data.movies, data.users.tolist(), data.indptr.tolist(), data.movie.tolist()) == ((), [], [0], [])


def test_rows_left_out_are_as_if_they_were_not_there() -> None:
    table = snapshot(tastes(60, 40), watches([(3, "m1", 5, 60)]))
    known = np.random.default_rng(2).random(len(table)) < 0.7
    found, expected = interactions(table, known), interactions(table[known])
    for name in ("users", "movies", "indptr", "movie", "strength", "weight", "lengths"):
        assert np.array_equal(getattr(found, name), getattr(expected, name)), name
