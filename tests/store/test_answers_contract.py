"""What every store does with what the service answered."""

from dataclasses import replace

import pandas as pd
import pytest

from movielog.events import DAY
from store.port import Answer, ModelRef, Store, Window
from tests.store.world import ALWAYS, MOVIES, START, ordered

MODEL = ModelRef("KNN_2_2022-04-12", "c" * 64)
ANSWER = Answer(START, 10**18 - 1, 2, MODEL, "knn", MOVIES)


def test_an_answer_comes_back_as_it_was_given(store: Store) -> None:
    fresh = {"a=b/c": 0.1 + 0.2, "amélie+2001": 0.0, "$x": 1e-9}
    store.record_answers([replace(ANSWER, rung="recent", fresh=fresh)])

    (row,) = store.answers(ALWAYS).to_dict("records")
    movies, pairs = row.pop("movies").split(","), row.pop("fresh").split(",")

    assert list(row.values()) == [ANSWER.user, START, 2, MODEL.name, MODEL.digest, "recent"]
    assert tuple(movies) == MOVIES
    assert {movie: float(strength) for movie, strength in (pair.rsplit("=", 1) for pair in pairs)} == fresh


def test_an_answer_without_movies_and_fresh_events_has_empty_text(store: Store) -> None:
    store.record_answers([replace(ANSWER, movies=())])

    (row,) = store.answers(ALWAYS).itertuples(index=False)

    assert (row.movies, row.fresh) == ("", "")


def test_the_first_answer_to_a_user_at_a_moment_stays(store: Store) -> None:
    store.record_answers([ANSWER, replace(ANSWER, rung="popular")])
    store.record_answers([replace(ANSWER, arm=1), replace(ANSWER, user=8)])
    store.record_answers([])

    frame = store.answers(ALWAYS).sort_values("user")

    assert list(zip(frame["user"], frame["arm"], frame["rung"], strict=True)) == [
        (8, 2, "knn"),
        (ANSWER.user, 2, "knn"),
    ]


def test_a_window_of_answers_holds_its_start_and_not_its_end(store: Store) -> None:
    store.record_answers([replace(ANSWER, time=time) for time in (START - 1, START, START + DAY)])

    assert list(store.answers(Window(START, START + DAY))["time"]) == [START]


def test_answers_to_one_user_are_those_of_the_window_to_that_user(store: Store) -> None:
    users = (7, 77, 0, ANSWER.user)
    store.record_answers(
        [replace(ANSWER, user=user, time=START + day * DAY) for user in users for day in (0, 1)]
    )

    frame = store.answers(Window(START, START + DAY), 7)

    assert list(zip(frame["user"], frame["time"], strict=True)) == [(7, START)]
    assert list(store.answers(ALWAYS, 0)["user"]) == [0, 0]
    assert store.answers(ALWAYS, 8).empty


@pytest.mark.parametrize("given", [0, 5], ids=["none", "some"])
def test_arms_are_what_answers_tell_of_them(store: Store, given: int) -> None:
    other = ModelRef("KNN_1_2022-04-12", "d" * 64)
    models = (MODEL, MODEL._replace(digest="e" * 64), other)
    store.record_answers(
        [
            replace(ANSWER, time=START + number * DAY, arm=1 + number % 2, model=models[number % 3])
            for number in range(given)
        ]
    )
    window = Window(START, START + 4 * DAY)
    columns = ["user", "time", "arm", "model"]

    pd.testing.assert_frame_equal(ordered(store.arms(window)), ordered(store.answers(window)[columns]))


@pytest.mark.parametrize("filled", [False, True], ids=["empty", "filled"])
def test_answers_have_their_columns_and_types_also_without_rows(store: Store, filled: bool) -> None:
    store.record_answers([ANSWER] * filled)

    frame = store.answers(ALWAYS)

    assert {name: str(kind) for name, kind in frame.dtypes.items()} == {
        **dict.fromkeys(("user", "time", "arm"), "int64"),
        **dict.fromkeys(("model", "digest", "rung"), "category"),
        **dict.fromkeys(("movies", "fresh"), "str"),
    }
    assert len(frame) == filled


def test_answers_of_several_models_name_each_with_its_digest(store: Store) -> None:
    other = ModelRef("KNN_1_2022-04-08", "d" * 64)
    store.record_answers([ANSWER, replace(ANSWER, user=1, arm=1, model=other)])

    frame = store.answers(ALWAYS).sort_values("arm")

    assert list(zip(frame["model"], frame["digest"], strict=True)) == [other, MODEL]
    assert list(frame["model"].cat.categories) == [other.name, MODEL.name]
