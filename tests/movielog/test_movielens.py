"""MovieLens files become lines of the log, or a clear sentence says why not."""

import os
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest

from movielog.events import DAY, SECOND, Rated, Watched
from movielog.movielens import MovieLensError, main, movie_id, movie_ids, read_movielens
from movielog.parse import parse_line

MOVIES = (
    'movieId,title,genres\n1,Toy Story (1995),Comedy\n2,"Godfather, The (1972)",Crime\n7,Hyena Road,Drama\n'
)
RATINGS = "userId,movieId,rating,timestamp\n1,2,0.5,1000000\n1,1,4.5,1000100\n9,7,3,900000\n9,8,5,900000\n"


def _folder(tmp_path: Path, ratings: str = RATINGS, movies: str = MOVIES) -> Path:
    (tmp_path / "ratings.csv").write_text(ratings)
    (tmp_path / "movies.csv").write_text(movies)
    return tmp_path


def _events(folder: Path, *options: str) -> list[Watched | Rated]:
    log = folder / "log"
    assert main([str(folder), "--log", f"file://{log}", *options]) == 0
    events = [parse_line(line) for line in log.read_bytes().splitlines()]
    return [event for event in events if isinstance(event, Watched | Rated)]


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Toy Story (1995)", "toy+story+1995"),
        ("Godfather, The (1972)", "the+godfather+1972"),
        ("Seven (a.k.a. Se7en) (1995)", "seven+1995"),
        ("(500) Days of Summer (2009)", "500+days+of+summer+2009"),
        ("Big Bang Theory, The (2007-)", "the+big+bang+theory+2007"),
        ("Rocky VI (1986) ", "rocky+vi+1986"),
        ("Women of '69, Unboxed", "women+of+69+unboxed"),
        ("Bug's Life, A (1998)", "a+bugs+life+1998"),
        ("Face/Off (1997)", "face+off+1997"),
        ("Ben-Hur (1959)", "ben-hur+1959"),
        ("Misérables, Les (1995)", "misérables+les+1995"),
        ("İstanbul = 100%? (2001)", "istanbul+100+2001"),
        ("???", ""),
    ],
)
def test_titles_become_ids(title: str, expected: str) -> None:
    assert movie_id(title) == expected


def test_movies_of_one_title_get_different_ids_in_the_order_of_their_numbers() -> None:
    titles = {
        12: "Hamlet (2000)",
        3: "Hamlet (2000)",
        4: "Hamlet (2000) (2000)",
        5: "!",
        9: "Hamlet, 2000, 12",
    }
    ids = movie_ids(titles)
    assert ids[3] == "hamlet+2000"
    assert ids[5] == "movie+5"
    assert len(set(ids.values())) == 5
    assert movie_ids(dict(reversed(titles.items()))) == ids


def test_a_rating_is_told_after_its_movie_was_watched(tmp_path: Path) -> None:
    events = _events(_folder(tmp_path))
    assert [event.time for event in events] == sorted(event.time for event in events)
    rated = {(e.user, e.movie): (e.time, e.rating) for e in events if isinstance(e, Rated)}
    assert rated == {
        (1, "the+godfather+1972"): (1_000_000 * SECOND, 1.0),
        (1, "toy+story+1995"): (1_000_100 * SECOND, 4.5),
        (9, "hyena+road"): (900_000 * SECOND, 3.0),
        (9, "movie+8"): (900_000 * SECOND, 5.0),
    }
    minutes = defaultdict(list)
    for event in events:
        if isinstance(event, Watched):
            minutes[event.user, event.movie].append(event.minute)
            assert event.time < rated[event.user, event.movie][0]
    assert minutes.keys() == rated.keys()
    assert all(seen[0] == 0 and 60 < seen[-1] < 180 and len(seen) == 3 for seen in minutes.values())


def test_days_keep_the_order_of_the_ratings_and_fill_the_time_before_until(tmp_path: Path) -> None:
    times = np.random.default_rng(0).choice([10, 11, 12, 1_000, 10**6, 10**9], 300)
    rows = "".join(f"{user},1,3.0,{time}\n" for user, time in enumerate(times))
    folder = _folder(tmp_path, "user_id,movie_id,rating,timestamp\n" + rows)
    events = _events(folder, "--days", "6", "--until", "2022-04-09T00:00:00Z")
    until = 19_091 * DAY
    mapped = {event.user: event.time for event in events if isinstance(event, Rated)}
    assert len(mapped) == 300
    for one in range(0, 300, 7):
        for other in range(300):
            assert (times[one] < times[other]) == (mapped[one] < mapped[other])
    assert min(mapped.values()) == until - 6 * DAY
    assert max(mapped.values()) < until
    assert max(event.time for event in events) < until


def test_different_times_stay_spread_over_all_days(tmp_path: Path) -> None:
    rows = "".join(f"{i},1,3.0,{i**2}\n" for i in range(600))
    folder = _folder(tmp_path, "userId,movieId,rating,timestamp\n" + rows)
    days = Counter(
        e.time // DAY for e in _events(folder, "--days", "6", "--until", "2022-04-09") if isinstance(e, Rated)
    )
    assert set(days.values()) == {100}
    assert len(days) == 6


@pytest.mark.parametrize(
    ("ratings", "movies", "reason"),
    [
        (
            "userId,rating,timestamp\n1,2,3\n",
            MOVIES,
            "no column movieId or movie_id, only userId, rating, timestamp",
        ),
        (RATINGS, "movieId,name\n1,x\n", "no column title"),
        ("userId,movieId,rating,timestamp\n1,2,3,4\nx,2,3,4\n", MOVIES, "row 2: 'x' is no user"),
        ("userId,movieId,rating,timestamp\n1,2,7.5,4\n", MOVIES, "row 1: .*7.5.* is no rating"),
        ("userId,movieId,rating,timestamp\n1,2,3,-4\n", MOVIES, "row 1: .*-4.* is no time"),
        ("", MOVIES, "cannot be read as CSV"),
    ],
)
def test_a_folder_that_is_not_as_it_should_be_is_refused(
    tmp_path: Path, ratings: str, movies: str, reason: str
) -> None:
    with pytest.raises(MovieLensError, match=reason):
        read_movielens(_folder(tmp_path, ratings, movies))


def test_a_missing_file_ends_with_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path), "--log", f"file://{tmp_path}/log"]) == 2
    assert capsys.readouterr().err == (
        f"{tmp_path}/ratings.csv is missing: expected a folder with ratings.csv and movies.csv\n"
    )


def test_a_log_that_is_none_ends_with_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(_folder(tmp_path)), "--log", "kafka://"]) == 2
    assert "is not a log" in capsys.readouterr().err


@pytest.mark.skipif("MOVIELENS_DIR" not in os.environ, reason="MOVIELENS_DIR names no folder of real ratings")
def test_real_ratings_all_arrive(tmp_path: Path) -> None:
    data = read_movielens(Path(os.environ["MOVIELENS_DIR"]))
    log = tmp_path / "log"
    assert main([os.environ["MOVIELENS_DIR"], "--log", f"file://{log}", "--days", "6"]) == 0
    kinds = Counter(type(parse_line(line)) for line in log.read_bytes().splitlines())
    assert kinds == {Rated: len(data.ratings), Watched: 3 * len(data.ratings)}
    assert len(set(data.movies)) == len(data.movies)
