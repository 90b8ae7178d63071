"""Metrics and splits, by hand."""

from math import isnan, log2

import numpy as np
import pytest

from ml.baselines import ease, popularity
from ml.evaluation import held_out, last_fifth, quality, since, some_users
from ml.matrix import snapshot
from tests.ml.worlds import dense, matrix, ratings, tastes, watches


def test_recall_and_ndcg_of_a_hand_made_case() -> None:
    lists = {1: ["a", "b", "c"], 2: ["x"]}
    found = quality(lists.__getitem__, {1: frozenset("ac"), 2: frozenset("y")})
    ideal = 1 + 1 / log2(3)
    assert found == (2, 0.5, pytest.approx((1 + 1 / 2) / ideal / 2))


def test_recall_is_over_no_more_than_can_be_listed() -> None:
    movies = [f"m{n}" for n in range(30)]
    assert quality(lambda _: movies, {1: frozenset(movies)}) == (1, 1.0, pytest.approx(1.0))


def test_quality_of_nobody_is_not_a_number() -> None:
    users, recall, ndcg = quality(lambda _: [], {})
    assert (users, isnan(recall), isnan(ndcg)) == (0, True, True)


def test_the_last_fifth_in_time_is_held_out_of_each_user() -> None:
    rows = [(1, f"m{n}", 100 - n, 3.0) for n in range(11)] + [(2, f"m{n}", 7, 3.0) for n in range(4)]
    known, later = last_fifth(snapshot(ratings(rows), watches([])))
    assert held_out(later) == {1: frozenset({"m0", "m1"})}
    assert len(known) == 13


def test_the_last_day_is_foretold_only_of_users_who_were_there_before() -> None:
    rows = [(1, "a", 5, 3.0), (1, "b", 10, 3.0), (2, "b", 11, 3.0), (3, "b", 9, 3.0)]
    before, after = since(snapshot(ratings(rows), watches([])), 10)
    assert held_out(before) == {1: frozenset("a"), 3: frozenset("b")}
    assert held_out(after) == {1: frozenset("b")}


def test_popularity_leaves_out_what_was_seen() -> None:
    rows = [(1, "a", 0, 1.0), (2, "a", 0, 1.0), (2, "b", 0, 5.0), (3, "c", 0, 5.0), (4, "c", 0, 5.0)]
    recommend = popularity(matrix(ratings(rows)))
    assert [recommend(user) for user in (2, 9)] == [["c"], ["a", "c", "b"]]


@pytest.mark.parametrize(("users", "movies"), [(40, 90), (120, 50)])
def test_ease_is_the_closed_form_of_its_paper(users: int, movies: int) -> None:
    rated = tastes(users, movies)
    data = matrix(rated)
    seen = dense(data, np.ones(len(data.movie)))
    inverse = np.linalg.inv(seen.T @ seen + 30 * np.eye(len(data.movies)))
    weights = np.eye(len(data.movies)) - inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0)
    scores = np.where(seen > 0, -np.inf, seen @ weights)
    recommend = ease(data, penalty=30)
    for row, user in enumerate(data.users):
        best = [data.movies.index(movie) for movie in recommend(user)]
        assert scores[row][best] == pytest.approx(np.sort(scores[row])[::-1][:20], abs=1e-9)


def test_of_many_users_every_nth_is_taken_with_all_rows() -> None:
    rows = [(user, movie, 0, 3.0) for user in range(10) for movie in "ab"]
    table = snapshot(ratings(rows), watches([]))
    assert sorted(some_users(table, 4)["user"]) == [0, 0, 3, 3, 6, 6, 9, 9]
    assert len(some_users(table, 10)) == 20
    assert some_users(table.iloc[:0], 5).empty
