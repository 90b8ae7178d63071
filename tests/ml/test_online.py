"""The online metrics, against a worked example and against a slow recount of random logs."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from ml import online
from movielog.events import SECOND

Listed = tuple[int, int, int, tuple[str, ...]]  # arm, user, time, movies
Watch = tuple[int, str, int]  # user, movie, first time
Rating = tuple[int, str, int, float]  # user, movie, time, rating


def _requests(listed: Sequence[Listed]) -> pd.DataFrame:
    rows = [(user, time, "host:1", 200, 40, ",".join(movies), "") for _, user, time, movies in listed]
    columns = ["user", "time", "server", "status", "millis", "movies", "error"]
    return pd.DataFrame(rows, columns=columns).astype({"user": "int64", "time": "int64", "movies": "str"})


def _answers(listed: Sequence[Listed]) -> pd.DataFrame:
    rows = [
        (user, time, arm, f"KNN_{arm}_2022-04-08", ",".join(movies)) for arm, user, time, movies in listed
    ]
    frame = pd.DataFrame(rows, columns=["user", "time", "arm", "model", "movies"])
    return frame.astype({"user": "int64", "time": "int64", "arm": "int64", "model": "category"})


def _watches(rows: Sequence[Watch]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["user", "movie", "first_time"]).astype(
        {"user": "int64", "movie": "category", "first_time": "int64"}
    )


def _ratings(rows: Sequence[Rating]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["user", "movie", "time", "rating"]).astype(
        {"user": "int64", "movie": "category", "time": "int64", "rating": "float64"}
    )


def _per_user(listed: Sequence[Listed], watches: Sequence[Watch], ratings: Sequence[Rating]) -> pd.DataFrame:
    recommended = online.recommended(_requests(listed), _answers(listed))
    return online.per_user(recommended, _watches(watches), _ratings(ratings))


def test_the_worked_example() -> None:
    """Alien is recommended first to 7 and then seen and rated; 8 sees Brazil before it is recommended."""
    listed = [
        (1, 7, 100, ("alien", "brazil", "casablanca")),
        (1, 8, 200, ("brazil", "alien")),
        (1, 9, 250, ("alien",)),
        (2, 6, 300, ("casablanca", "alien")),
    ]
    watches = [
        (7, "alien", 150),
        (7, "brazil", 160),
        (7, "dune", 170),
        (8, "brazil", 150),
        (6, "alien", 400),
        (5, "alien", 400),
    ]
    ratings = [
        (7, "alien", 180, 2.0),
        (7, "alien", 190, 5.0),
        (7, "brazil", 200, 4.0),
        (8, "brazil", 210, 1.0),
    ]
    result = online.metrics(_per_user(listed, watches, ratings))
    one, two = result[1], result[2]
    assert (one.users, one.followers, one.watched, one.recommended_and_watched) == (3, 1, 4, 2)
    assert one.record_accuracy == 2 / 4
    assert one.recommendation_accuracy == 1 / 3
    assert one.average_rating == (5.0 + 4.0) / 2
    assert one.average_top_rating == 5.0
    assert (two.record_accuracy, two.recommendation_accuracy) == (1.0, 1.0)
    assert np.isnan([two.average_rating, two.average_top_rating]).all()


def test_the_users_of_the_worked_example_are_the_unit_of_the_statistics() -> None:
    listed = [(2, 30, 100, ("alien", "brazil")), (1, 20, 100, ("alien",))]
    table = _per_user(listed, [(30, "brazil", 101)], [(30, "brazil", 102, 3.5)])
    assert table.index.to_list() == [(1, 20), (2, 30)]
    assert table.to_dict("records") == [
        dict.fromkeys(table.columns, 0),
        {
            "watched": 1,
            "recommended_and_watched": 1,
            "rating_sum": 3.5,
            "rating_count": 1,
            "top_rating_sum": 0,
            "top_rating_count": 0,
        },
    ]


def test_a_watch_in_the_same_instant_as_the_request_does_not_follow_it() -> None:
    assert _per_user(
        [(1, 1, 100, ("alien",))], [(1, "alien", 100)], []
    ).recommended_and_watched.to_list() == [0]


def test_without_any_request_there_is_no_arm() -> None:
    assert online.metrics(_per_user([], [(1, "alien", 5)], [(1, "alien", 6, 4.0)])) == {}


def test_a_successful_request_without_movies_counts_its_user() -> None:
    table = _per_user([(1, 1, 100, ()), (1, 2, 100, ("alien",))], [(1, "alien", 110)], [])
    assert table["watched"].to_dict() == {(1, 1): 1, (1, 2): 0}
    assert table["recommended_and_watched"].sum() == 0


def _slow(
    listed: Sequence[Listed], watches: Sequence[Watch], ratings: Sequence[Rating]
) -> dict[int, list[float]]:
    """The definitions, read aloud: the four metrics of each arm."""
    result = {}
    for arm in {row[0] for row in listed}:
        mine = [row for row in listed if row[0] == arm]
        users = {user for _, user, _, _ in mine}
        watched = {(user, movie) for user, movie, _ in watches if user in users}
        followed, top = set(), set()
        for _, user, asked, movies in mine:
            for viewer, movie, began in watches:
                if viewer == user and movie in movies and began > asked:
                    followed.add((user, movie))
                    if movies[0] == movie:
                        top.add((user, movie))
        newest = defaultdict(list)
        for user, movie, time, rating in ratings:
            newest[user, movie].append((time, rating))
        stars = [max(newest[pair])[1] for pair in followed if pair in newest]
        top_stars = [max(newest[pair])[1] for pair in top if pair in newest]
        result[arm] = [
            len(followed) / len(watched) if watched else np.nan,
            len({user for user, _ in followed}) / len(users),
            sum(stars) / len(stars) if stars else np.nan,
            sum(top_stars) / len(top_stars) if top_stars else np.nan,
        ]
    return result


def _random_log(seed: int) -> tuple[list[Listed], list[Watch], list[Rating]]:
    """Few users, movies and times, so that repetitions, ties and users of both arms happen."""
    rng = np.random.default_rng(seed)
    users, movies, times = (
        rng.integers(1, 12),
        [f"m{i}" for i in range(rng.integers(1, 15))],
        rng.integers(2, 90),
    )
    size = rng.integers(0, 40, 3)
    both = rng.random() < 0.3

    def user() -> int:
        return int(rng.integers(users))

    def movie() -> str:
        return str(rng.choice(movies))

    def time() -> int:
        return int(rng.integers(times))

    asked = {(user(), time() * 10 * SECOND) for _ in range(size[0])}
    listed = [
        (
            int(rng.integers(1, 3)) if both else who % 2 + 1,
            who,
            when,
            tuple(movie() for _ in range(rng.integers(6))),
        )
        for who, when in sorted(asked)
    ]
    watches = [(user(), movie(), time() * 5 * SECOND) for _ in range(size[1])]
    ratings = [(user(), movie(), time() * SECOND, float(rng.integers(2, 11)) / 2) for _ in range(size[2])]
    return listed, watches, ratings


@pytest.mark.parametrize("seed", range(50))
def test_random_logs_give_what_a_slow_recount_gives(seed: int) -> None:
    log = _random_log(seed)
    expected = _slow(*log)
    result = online.metrics(_per_user(*log))
    assert result.keys() == expected.keys()
    for arm, four in expected.items():
        found = result[arm]
        assert [
            found.record_accuracy,
            found.recommendation_accuracy,
            found.average_rating,
            found.average_top_rating,
        ] == pytest.approx(four, nan_ok=True)


def test_requests_take_their_arm_from_the_nearest_answer_to_the_same_user() -> None:
    first, second, other = [
        (1, 5, 100 * SECOND, ("a",)),
        (2, 5, 130 * SECOND, ("b",)),
        (2, 6, 101 * SECOND, ("c",)),
    ]
    requests = _requests([first, second]).assign(millis=[1_500, 700])
    requests["time"] += [3 * SECOND, -SECOND]
    table = online.recommended(requests, _answers([other, second, first]))
    assert table[["user", "arm", "movie", "rank", "model"]].to_numpy().tolist() == [
        [5, 1, "a", 1, "KNN_1_2022-04-08"],
        [5, 2, "b", 1, "KNN_2_2022-04-08"],
    ]
    assert table["time"].to_list() == [103 * SECOND, 129 * SECOND]


def test_failed_requests_and_requests_that_nobody_answered_recommend_nothing() -> None:
    listed = [(1, 5, 100 * SECOND, ("a",)), (1, 6, 100 * SECOND, ("a",)), (1, 7, 100 * SECOND, ("a", "b"))]
    requests = _requests(listed)
    requests.loc[0, "status"] = 0
    requests["time"] += [0, 2 * SECOND + 41_000_000, 0]
    assert online.recommended(requests, _answers(listed))["user"].to_list() == [7, 7]


def test_nanoseconds_decide_between_a_request_and_a_watch() -> None:
    now = 1_650_000_000_000_000_001
    table = _per_user([(1, 1, now, ("a", "b"))], [(1, "a", now), (1, "b", now + 1)], [])
    assert table.recommended_and_watched.to_list() == [1]
    assert table.watched.to_list() == [2]


@pytest.mark.parametrize("pieces", [[], [["a,b"], ["c"]]], ids=["none", "two"])
def test_a_column_of_several_pieces_or_of_none_is_read_like_one(pieces: list[list[str]]) -> None:
    movies = pd.array(pa.chunked_array(pieces, type=pa.string()), dtype="str")
    count = len(movies)
    numbers = np.zeros(count, dtype=np.int64)
    requests = pd.DataFrame({"user": numbers, "time": numbers, "status": numbers + 200, "millis": numbers})
    answers = pd.DataFrame(
        {"user": numbers, "time": numbers, "arm": numbers + 1, "model": pd.Categorical(["m"] * count)}
    )
    listed = online.recommended(requests.assign(movies=movies), answers)
    assert listed["movie"].tolist() == [id for piece in pieces for line in piece for id in line.split(",")]
