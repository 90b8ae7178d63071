"""Who foretells the newest day, from what, about whom."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from ml.evaluation import of_users
from ml.gate.contest import MODEL, POPULARITY, RECIPE, SERVING, Contest, hold
from ml.knn import KnnModel
from movielog.events import DAY
from store.port import Seen
from tests.ml.gate.world import BAR, histories, history, model, shuffled, span, table

START = int(table(12)["time"].max()) + 1 - DAY


def _recall(contest: Contest, name: str) -> float:
    return float(contest[name][:, 0].mean())


def test_a_good_recipe_foretells_more_than_popularity_and_about_as_much_as_what_serves() -> None:
    contest = hold(model(12), model(8), table(12), histories, BAR)
    assert _recall(contest, RECIPE) > 2 * _recall(contest, POPULARITY)
    assert abs(_recall(contest, RECIPE) - _recall(contest, SERVING)) < 0.1


def test_the_model_itself_has_seen_what_the_recipe_has_to_foretell() -> None:
    contest = hold(model(12), None, table(12), histories, BAR)
    assert _recall(contest, MODEL) > _recall(contest, RECIPE) + 0.2
    assert SERVING not in contest


def test_a_model_of_shuffled_ratings_foretells_less_than_popularity_on_the_true_ones() -> None:
    contest = hold(model(12, shuffled(table(12))), None, table(12), histories, BAR)
    assert _recall(contest, MODEL) < _recall(contest, POPULARITY)


def test_it_is_about_what_returning_users_of_the_newest_day_liked() -> None:
    rows = table(12)
    newest = rows[(rows["time"] >= START) & (rows["rating"] >= 3.5)]
    earlier = set(rows[rows["time"] < START]["user"])
    contest = hold(model(12), None, rows, histories, BAR)
    assert len(contest[RECIPE]) == len(set(newest["user"]) & earlier)
    fewer = hold(model(12), None, rows, histories, replace(BAR, most_users=20))
    assert len(fewer[RECIPE]) <= 20


def test_every_contender_is_about_the_same_users_and_movies() -> None:
    """A recommender with an answer of each held movie would have a recall of 1 in every row."""
    contest = hold(model(12), model(8), table(12), histories, BAR)
    assert len({each.shape for each in contest.values()}) == 1


def test_a_serving_model_that_knows_the_newest_day_is_trained_again_without_it() -> None:
    contest = hold(model(12), model(12), table(12), histories, BAR)
    np.testing.assert_array_equal(contest[SERVING], contest[RECIPE])


def test_nobody_is_helped_by_what_a_user_did_on_the_newest_day() -> None:
    """Histories from then on change nothing."""

    def longer(users: Sequence[int]) -> Mapping[int, Sequence[Seen]]:
        return {user: [*history(user), Seen("m3", START + DAY, 90, 5.0)] for user in users}

    one, other = (hold(model(12), model(8), table(12), told, BAR) for told in (histories, longer))
    for name, each in one.items():
        np.testing.assert_array_equal(each, other[name])


def test_what_was_seen_before_the_window_is_never_recommended() -> None:
    """With a history of everything there is nothing left to recommend."""
    movies = table(12)["movie"].cat.categories

    def everything(users: Sequence[int]) -> Mapping[int, Sequence[Seen]]:
        seen = [Seen(movie, span(12).start - DAY, 90, 5.0) for movie in movies]
        return dict.fromkeys(users, seen)

    contest = hold(model(12), model(8), table(12), everything, BAR)
    assert all((each == 0).all() for each in contest.values())


def test_without_returning_users_there_is_no_contest() -> None:
    rows = table(12, days=1)
    assert all(len(each) == 0 for each in hold(model(12, rows, days=1), None, rows, histories, BAR).values())


@pytest.mark.parametrize("folds", [1, 2])
def test_the_recipe_is_what_a_slow_fold_finds(folds: int) -> None:
    """Trained on everything but the fold's newest day and asked with the histories up to then."""
    rows, made = table(12), model(12)
    contest = hold(made, None, rows, histories, replace(BAR, folds=folds))
    liked = rows[(rows["time"] >= START) & (rows["rating"] >= 3.5)]
    liked = liked[liked["user"].isin(rows[rows["time"] < START]["user"])]
    users = sorted(set(liked["user"]))
    found = [_of_fold(rows, liked, users[number::folds]) for number in range(folds)]
    np.testing.assert_allclose(contest[RECIPE], np.concatenate(found))


def _of_fold(rows: pd.DataFrame, liked: pd.DataFrame, users: list[int]) -> np.ndarray:
    recipe = model(12, rows[~(rows["user"].isin(users) & (rows["time"] >= START))])
    held = {user: frozenset(liked[liked["user"] == user]["movie"]) for user in users}
    return of_users(lambda user: _answer(recipe, history(user)), held)


def _answer(recipe: KnnModel, seen: Sequence[Seen]) -> Sequence[str]:
    """With older movies kept out by their weight alone."""
    before = [one for one in seen if one.last_time < START]
    return recipe.recommend(10**9, recipe.fresh(10**9, before)).movies
