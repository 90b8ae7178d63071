"""What every store does with what the log tells."""

import random

import pandas as pd
import pytest

from movielog.events import DAY, SECOND, Rated, Requested
from store.port import Batch, Quarantined, Seen, Store, Window
from tests.fakes import MemoryStore
from tests.store.world import (
    ALWAYS,
    MOVIES,
    START,
    TODAY,
    USERS,
    assert_same,
    named,
    ordered,
    random_batches,
    viewing,
)

ASKED = Requested(START, 7, "team:8082", 200, MOVIES[:3], "", 31)


@pytest.mark.parametrize("seed", [1, 2])
def test_batches_in_any_order_and_repeated_leave_what_they_tell_once(store: Store, seed: int) -> None:
    batches, oracle = random_batches(seed), MemoryStore()
    for batch in batches:
        oracle.record(batch)

    for batch in random.Random(seed).sample(batches * 2, len(batches) * 2):
        store.record(batch)

    assert_same(store, oracle)


def test_a_replayed_batch_changes_nothing(store: Store) -> None:
    batch, once = random_batches(3, batches=1)[0], MemoryStore()
    once.record(batch)

    for _ in range(3):
        store.record(batch)

    assert_same(store, once)


def test_halves_of_a_viewing_merge_whichever_comes_first(store: Store) -> None:
    early, late = viewing(minutes=0b0111), viewing(minutes=0b1110 << 60, start=START + 2 * SECOND)

    store.record(Batch([late]))
    store.record(Batch([early]))

    (row,) = store.watches(ALWAYS).itertuples(index=False)
    assert tuple(row) == (7, MOVIES[0], early.first_time, late.last_time, 0, 63, 6)


def test_two_pieces_of_a_viewing_in_one_batch_merge(store: Store) -> None:
    store.record(Batch([viewing(minutes=1), viewing(minutes=0b110), viewing(minutes=1 << 1440)]))

    (row,) = store.watches(ALWAYS).itertuples(index=False)
    assert (row.first_minute, row.last_minute, row.minutes) == (0, 1440, 4)


def test_a_movie_watched_on_two_days_is_two_viewings(store: Store) -> None:
    store.record(Batch([viewing(), viewing(start=START + DAY)]))

    assert sorted(store.watches(ALWAYS)["first_time"]) == [START, START + DAY]


@pytest.mark.parametrize("movie", MOVIES)
@pytest.mark.parametrize("user", [0, 10**18 - 1])
def test_any_user_and_any_id_come_back_as_they_were(store: Store, user: int, movie: str) -> None:
    store.record(Batch([viewing(user, movie)], [Rated(START, user, movie, 4.5)]))

    assert list(store.ratings(ALWAYS).itertuples(index=False, name=None)) == [(user, movie, START, 4.5)]
    assert store.history(user) == [Seen(movie, viewing().last_time, 3, 4.5)]


def test_a_window_holds_its_start_and_not_its_end(store: Store) -> None:
    times = [START - 1, START, START + DAY - 1, START + DAY]
    store.record(
        Batch(
            [viewing(movie=str(time), start=time) for time in times],
            [Rated(time, 7, "m", 3.0) for time in times],
            [ASKED._replace(time=time) for time in times],
        )
    )

    window = Window(START, START + DAY)

    assert sorted(store.watches(window)["first_time"]) == times[1:3]
    assert sorted(store.ratings(window)["time"]) == times[1:3]
    assert sorted(store.requests(window)["time"]) == times[1:3]


def test_a_window_within_a_day_holds_the_viewings_that_began_in_it(store: Store) -> None:
    hours = [viewing(movie=str(hour), start=START + hour * 3600 * SECOND) for hour in range(24)]
    store.record(Batch(hours))

    window = Window(hours[3].first_time, hours[5].first_time)

    assert sorted(store.watches(window)["movie"]) == ["3", "4"]
    assert len(store.watches(Window(START, START))) == 0


NUMBERS = dict.fromkeys(
    ("user", "time", "first_time", "last_time", "first_minute", "last_minute", "minutes", "status", "millis"),
    "int64",
)
TYPES = {
    **NUMBERS,
    "movie": "category",
    "rating": "float64",
    "server": "str",
    "movies": "str",
    "error": "str",
}
COLUMNS = {
    "watches": ["user", "movie", "first_time", "last_time", "first_minute", "last_minute", "minutes"],
    "ratings": ["user", "movie", "time", "rating"],
    "requests": ["user", "time", "server", "status", "millis", "movies", "error"],
}


@pytest.mark.parametrize("filled", [False, True], ids=["empty", "filled"])
@pytest.mark.parametrize("read", COLUMNS)
def test_frames_have_their_columns_and_types_also_without_rows(store: Store, read: str, filled: bool) -> None:
    if filled:
        store.record(Batch([viewing()], [Rated(START, 7, "m", 3)], [ASKED]))

    frame = getattr(store, read)(ALWAYS)

    assert len(frame) == filled
    assert {name: str(kind) for name, kind in frame.dtypes.items()} == {
        name: TYPES[name] for name in COLUMNS[read]
    }
    assert list(frame.columns) == COLUMNS[read]


def test_categories_are_the_movies_of_the_window_in_order_whenever_they_became_known(store: Store) -> None:
    for movie in reversed(MOVIES):
        store.record(Batch([viewing(movie=movie)]))
    store.record(Batch([viewing(movie="tomorrow", start=START + DAY)]))

    movies = store.watches(Window(START, START + DAY))["movie"]

    assert list(movies.cat.categories) == sorted(MOVIES)
    assert sorted(movies) == sorted(MOVIES)


def test_a_request_keeps_the_order_and_repetitions_of_its_movies(store: Store) -> None:
    asked = ASKED._replace(movies=("b", "a", "b", "c/d"))
    store.record(Batch(requests=[asked, ASKED._replace(time=START + 1, movies=(), error="no: route, yet")]))

    frame = store.requests(ALWAYS).sort_values("time")

    assert list(frame["movies"]) == ["b,a,b,c/d", ""]
    assert list(frame["error"]) == ["", "no: route, yet"]


def test_requests_of_a_user_at_the_same_moment_are_told_apart_by_the_rest(store: Store) -> None:
    others = [ASKED._replace(millis=32), ASKED._replace(status=500), ASKED._replace(movies=MOVIES[:2])]

    store.record(Batch(requests=[ASKED, *others, ASKED]))

    assert len(store.requests(ALWAYS)) == 4


@pytest.mark.parametrize("given", [0, 4], ids=["none", "some"])
def test_lists_are_what_successful_requests_tell_of_them(store: Store, given: int) -> None:
    asked = [
        ASKED._replace(time=START + number * DAY, movies=ASKED.movies[:number], status=status)
        for number in range(given)
        for status in (200, 503)
    ]
    store.record(Batch(requests=asked))
    window = Window(START, START + 3 * DAY)
    requests = store.requests(window)
    columns = ["user", "time", "millis", "movies"]

    found = named(store.lists(window))

    successful = requests.loc[requests["status"] == 200, columns]
    pd.testing.assert_frame_equal(ordered(found[columns]), ordered(successful))


def test_lists_of_one_user_and_moment_differ_in_their_digests(store: Store) -> None:
    store.record(Batch(requests=[ASKED, ASKED._replace(server="other:1"), ASKED]))
    one, other = store.lists(ALWAYS).requests["digest"]
    assert one != other
    assert store.lists(Window(START, START + 1)).requests["digest"].nunique() == 2


def test_requests_for_one_user_are_those_of_the_window_for_that_user(store: Store) -> None:
    asked = [ASKED._replace(user=user, time=START + day * DAY) for user in (7, 77, 0) for day in (0, 1)]
    store.record(Batch(requests=asked))

    frame = store.requests(Window(START, START + DAY), 7)

    assert list(zip(frame["user"], frame["time"], strict=True)) == [(7, START)]
    assert list(store.requests(ALWAYS, 0)["user"]) == [0, 0]
    assert store.requests(ALWAYS, 8).empty


def test_two_ratings_at_the_same_moment_are_kept_and_the_same_rating_twice_is_one(store: Store) -> None:
    store.record(
        Batch(ratings=[Rated(START, 7, "m", 4), Rated(START, 7, "m", 4.5), Rated(START, 7, "m", 4.0)])
    )

    assert sorted(store.ratings(ALWAYS)["rating"]) == [4.0, 4.5]


def test_the_newest_event_is_known_and_never_goes_back(store: Store) -> None:
    assert store.newest() is None
    newest = []
    for batch in (
        Batch(ratings=[Rated(START + 5, 7, "m", 4)]),
        Batch(requests=[ASKED._replace(time=START + 9)]),
        Batch(),
        Batch([viewing()]),
        Batch([viewing(start=START - DAY)]),
    ):
        store.record(batch)
        newest.append(store.newest())

    assert newest == [START + 5, START + 9, START + 9, viewing().last_time, viewing().last_time]


def test_history_joins_days_and_ratings_by_movie(store: Store) -> None:
    again = viewing(minutes=0b11, start=START + DAY)
    store.record(
        Batch(
            [viewing(), again, viewing(user=8)],
            [
                Rated(START + 3, 7, MOVIES[0], 5),
                Rated(START + 2, 7, MOVIES[0], 1),
                Rated(START, 7, "only rated", 2),
            ],
        )
    )

    assert set(store.history(7)) == {
        Seen(MOVIES[0], again.last_time, 5, 5.0),
        Seen("only rated", START, 0, 2.0),
    }
    assert store.history(8) == [Seen(MOVIES[0], viewing().last_time, 3, None)]
    assert list(store.history(9)) == []
    assert {user: set(seen) for user, seen in store.histories([9, 7, 8]).items()} == {
        user: set(store.history(user)) for user in (7, 8, 9)
    }


def test_a_history_leaves_out_the_movies_that_are_known_already(store: Store) -> None:
    for batch in random_batches(4):
        store.record(batch)
    chance = random.Random(5)
    for user in USERS:
        whole = store.history(user)
        known = {one.movie for one in whole if chance.random() < 0.5} | {"never+seen"}
        others = store.history(user, known)
        assert {*others} == {one for one in whole if one.movie not in known}
        assert list(store.history(user, {one.movie for one in whole})) == []


def test_quarantined_lines_come_back_by_position_until_they_are_released(store: Store) -> None:
    lines = [Quarantined(f"0:{place}", "no time", bytes(range(256)), 5000) for place in (3, 1, 2)]
    store.record(Batch(quarantined=lines))
    store.record(Batch(quarantined=lines[:1]))

    assert list(store.quarantined()) == sorted(lines, key=lambda line: line.position)
    store.release(["0:1", "0:3", "no such line"])
    assert list(store.quarantined()) == [lines[2]]
    store.release([])
    assert list(store.quarantined()) == [lines[2]]


def test_a_line_that_is_quarantined_again_takes_the_new_reason(store: Store) -> None:
    store.record(Batch(quarantined=[Quarantined("0:1", "no time", b"x", 1)]))
    store.record(Batch(quarantined=[Quarantined("0:1", "no user", b"x", 1)]))

    assert list(store.quarantined()) == [Quarantined("0:1", "no user", b"x", 1)]


def test_the_worlds_own_users_and_days_are_what_the_tests_take_for_granted() -> None:
    batches = random_batches(1)

    assert {seen.user for batch in batches for seen in batch.viewings} == set(USERS)
    assert {seen.day for batch in batches for seen in batch.viewings} == {TODAY, TODAY + 1}
