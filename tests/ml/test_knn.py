"""What users are recommended."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ml.knn import KNN, POPULAR, RECENT, Contribution, KnnModel, Params, fit
from ml.matrix import STEPS, faded, interactions, snapshot, strength
from store.port import Seen, Window
from tests.ml.worlds import dense, matrix, ratings, tastes, watches

WINDOW = Window(1_000, 2_000)
UNKNOWN = 999
PLAIN = Params(activity=0, liking=1, shrinkage=0)
STRANGER = "never heard of"


@pytest.fixture(scope="module")
def small() -> KnnModel:
    """Movies a, b and c go together, as do x and y; p is popular; nothing is newer than anything else."""
    seen = {1: "abp", 2: "abcp", 3: "bcp", 4: "xyp", 5: "xyp", 6: "xp"}
    rows = [(user, movie, 1_500, 5.0) for user, movies in seen.items() for movie in movies]
    return fit(matrix(ratings(rows)), PLAIN, "KNN_1_2022-04-08", WINDOW)


@pytest.fixture(scope="module")
def large() -> KnnModel:
    return fit(matrix(tastes(400, 150)), Params(neighbours=20), "large", WINDOW)


def test_a_user_is_recommended_what_goes_with_its_history(small: KnnModel) -> None:
    movies, rung = small.recommend(1, {})
    assert (movies[0], rung) == ("c", KNN)
    assert set(movies) == {"c", "x", "y"}
    assert small.recommend(6, {}, 1) == (("y",), KNN)


def test_similarities_are_cosines(small: KnnModel) -> None:
    parts = small.because(1, {}, "c")
    assert parts == [
        Contribution("b", pytest.approx(2 / np.sqrt(6))),
        Contribution("p", pytest.approx(2 / np.sqrt(12))),
        Contribution("a", pytest.approx(1 / 2)),
    ]


def test_an_unknown_user_gets_what_most_users_saw(small: KnnModel) -> None:
    assert small.recommend(UNKNOWN, {}) == (("p", "b", "x", "a", "c", "y"), POPULAR)


def test_recent_events_count_at_once(small: KnnModel) -> None:
    movies, rung = small.recommend(UNKNOWN, {"y": 1.0})
    assert (movies[0], rung) == ("x", RECENT)
    assert "y" not in movies
    assert small.recommend(1, {"y": 1.0}).movies[0] in ("c", "x")
    assert small.recommend(1, {"y": 1.0}).rung == KNN


def test_what_is_only_kept_out_makes_no_recommendation_recent(small: KnnModel) -> None:
    assert small.recommend(UNKNOWN, {"p": 0.0, "x": 0.0}) == (("b", "a", "c", "y"), POPULAR)


def test_movies_the_model_does_not_know_change_no_movie(small: KnnModel) -> None:
    assert small.recommend(1, {STRANGER: 1.0}) == small.recommend(1, {})
    assert small.because(1, {STRANGER: 1.0}, STRANGER) == []


def test_fresh_is_what_the_row_lacks_with_older_events_only_kept_out(small: KnnModel) -> None:
    seen = [
        Seen("a", 1_500, 90, 5.0),
        Seen("x", 1_600, 0, 4.0),
        Seen("y", 900, 90, 5.0),
        Seen("c", 2_500, 30, None),
        Seen(STRANGER, 1_500, 9, None),
    ]
    assert small.fresh(1, seen) == {"x": 0.665, "y": 0.0, "c": 0.8}
    assert small.fresh(1, []) == {}


def test_a_users_fresh_history_weighs_what_the_model_would_have_made_of_it() -> None:
    rated = ratings([(1, "a", 1_100, 4.5), (1, "b", 1_300, 3.0), (2, "a", 1_200, 5.0), (2, "d", 1_200, 5.0)])
    watched = watches([(1, "c", 1_200, 70), (1, "a", 1_400, 10), (3, "c", 1_000, 100), (3, "d", 1_010, 5)])
    model = fit(interactions(snapshot(rated, watched)), PLAIN, "", WINDOW)
    history = [Seen("a", 1_400, 10, 4.5), Seen("b", 1_300, 0, 3.0), Seen("c", 1_200, 70, None)]
    assert model.fresh(UNKNOWN, history) == model.row(1)


def test_fresh_weights_are_those_of_the_matrix_whatever_was_seen(large: KnnModel) -> None:
    chance, size = np.random.default_rng(3), len(large.movies)
    movies = chance.permutation(large.movies).tolist()
    times = (large.window.start + chance.integers(0, 200, size)).tolist()
    minutes, stars = chance.integers(0, 200, size).tolist(), (chance.integers(1, 11, size) / 2).tolist()
    rated = [star if at % 3 else None for at, star in enumerate(stars)]
    seen = [Seen(*row) for row in zip(movies, times, minutes, rated, strict=True)]
    lengths = large.lengths[[large.numbers[movie] for movie in movies]]
    newer = (np.array(times) > np.array(times)[:, None]).sum(axis=1)
    steps = strength(minutes, lengths, [np.nan if star is None else star for star in rated])
    assert list(large.fresh(UNKNOWN, seen).values()) == (faded(steps, newer) / STEPS).tolist()


@pytest.mark.parametrize("fresh", [{}, {"m3": 0.5, "m77": 1.0, "m5": 0.0}])
def test_scores_are_those_of_a_dense_product(large: KnnModel, fresh: dict[str, float]) -> None:
    table = np.zeros((len(large.movies), len(large.movies)))
    for row, (numbers, values) in enumerate(
        zip(large.tables.neighbours, large.tables.similarities, strict=True)
    ):
        table[row, numbers] += values
    for user in [*range(0, 400, 7), UNKNOWN]:
        weights = large.row(user) | {m: w for m, w in fresh.items() if m not in large.row(user)}
        history = np.array([weights.get(movie, 0.0) for movie in large.movies])
        scores = dict(zip(large.movies, history @ table, strict=True))
        found = large.recommend(user, {m: weights[m] for m in fresh if m not in large.row(user)}).movies
        rest = sorted((scores[m] for m in large.movies if m not in weights), reverse=True)
        assert [scores[m] for m in found] == pytest.approx(rest[: len(found)], rel=1e-5)


def test_twenty_distinct_unseen_movies_for_everybody(large: KnnModel) -> None:
    for user in range(0, 420):
        movies = large.recommend(user, {"m1": 0.3, "m2": 0.0}).movies
        assert len(movies) == len(set(movies)) == 20
        assert not set(movies) & {"m1", "m2", *large.row(user)}


def test_contributions_add_up_to_the_order_of_the_answer(large: KnnModel) -> None:
    movies = large.recommend(3, {"m9": 0.4}).movies
    sums = [sum(part.score for part in large.because(3, {"m9": 0.4}, movie)) for movie in movies]
    assert sums == pytest.approx(sorted(sums, reverse=True), rel=1e-5)


def test_an_answer_leaves_no_trace_in_the_next(large: KnnModel) -> None:
    alone = [large.recommend(user, {}) for user in range(50)]
    for user in range(50):
        large.recommend(user + 100, {"m1": 1.0, "m4": 0.0})
        assert large.recommend(user, {}) == alone[user]


def test_a_user_who_saw_everything_gets_an_empty_list() -> None:
    model = fit(matrix(ratings([(1, "a", 0, 5.0), (1, "b", 0, 5.0), (2, "a", 0, 1.0)])), Params(), "", WINDOW)
    assert model.recommend(1, {}) == ((), KNN)
    assert model.recommend(2, {}).movies == ("b",)


def test_a_window_with_one_movie_can_be_trained_on() -> None:
    model = fit(matrix(ratings([(1, "a", 0, 5.0)])), Params(), "", WINDOW)
    assert model.recommend(1, {}).movies == ()
    assert model.recommend(2, {}).movies == ("a",)


def test_users_with_many_movies_count_less_in_similarities() -> None:
    rows = [(1, movie, 0, 5.0) for movie in "abcdefgh"] + [(2, "a", 0, 5.0), (2, "z", 0, 5.0)]
    model = fit(matrix(ratings(rows)), replace(PLAIN, activity=1), "", WINDOW)
    assert model.recommend(UNKNOWN, {"a": 1.0}).movies[0] == "z"


def test_weights_are_kept_as_steps(large: KnnModel) -> None:
    data = matrix(tastes(400, 150))
    row = dense(data, data.weight)[5] / STEPS
    assert large.row(5) == {movie: weight for movie, weight in zip(data.movies, row, strict=True) if weight}


_TRAIN = """
import sys
from pathlib import Path
from ml import artifact, knn
from store.port import Window
from tests.ml.worlds import matrix, tastes
model = knn.fit(matrix(tastes(300, 120)), knn.Params(neighbours=12), "same", Window(0, 1))
print(artifact.save(model, Path(sys.argv[1])).digest)
"""


def test_the_same_events_give_the_same_bytes_on_any_number_of_threads(tmp_path: Path) -> None:
    digests = set()
    for threads in ("1", "3"):
        folder = tmp_path / threads
        folder.mkdir()
        command = [sys.executable, "-c", _TRAIN, str(folder)]
        environ = {**os.environ, "NUMBA_NUM_THREADS": threads, "PYTHONHASHSEED": threads}
        digests.add(subprocess.run(command, env=environ, capture_output=True, check=True, text=True).stdout)
    assert len(digests) == 1
