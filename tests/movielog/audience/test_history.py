"""The past of an audience, and what damaged lines are mixed into it."""

import numpy as np
import pytest

from movielog.audience.damage import damaged, with_damage
from movielog.audience.history import HOUR_WEIGHTS, history
from movielog.audience.invented import invented
from movielog.events import DAY, SECOND, Rated, Requested, Watched
from movielog.format import format_event
from movielog.parse import MalformedLine, parse_line
from movielog.past import Past

UNTIL = 19_000 * DAY + 5 * 3600 * SECOND


@pytest.fixture(scope="module")
def past() -> Past:
    return history(invented(300, 200, seed=1), UNTIL, days=6, per_day=0.5, seed=1)


def test_the_same_seed_makes_the_same_past(past: Past) -> None:
    again = history(invented(300, 200, seed=1), UNTIL, days=6, per_day=0.5, seed=1)
    assert list(past.lines()) == list(again.lines())


def test_every_line_tells_the_event_it_was_made_from(past: Past) -> None:
    assert [parse_line(line) for line in past.lines()] == list(past.events())


def test_events_come_by_time_and_within_the_days(past: Past) -> None:
    times = past.rows["time"].to_numpy()
    assert (np.diff(times) >= 0).all()
    assert times[0] >= UNTIL - 6 * DAY
    assert times[-1] < UNTIL


def test_movies_are_watched_minute_by_minute_from_their_beginning(past: Past) -> None:
    watched = past.rows[past.rows["minute"] >= 0].sort_values(["user", "movie", "minute"])
    viewings = watched.groupby(["user", "movie"])
    assert (viewings["minute"].min() == 0).all()
    assert (viewings["minute"].max() + 1 == viewings.size()).all()
    assert (watched["time"] - watched["minute"] * 60 * SECOND == viewings["time"].transform("min")).all()


def test_nobody_rates_a_movie_twice_or_before_it_was_watched(past: Past) -> None:
    rated = past.rows[past.rows["minute"] < 0]
    assert len(rated) > 100
    assert not rated.duplicated(["user", "movie"]).any()
    last = past.rows[past.rows["minute"] >= 0].groupby(["user", "movie"])["time"].max().rename("last")
    both = rated.join(last, on=["user", "movie"], how="inner")
    assert (both["time"] > both["last"]).all()
    assert len(both) > 50


def test_evenings_are_busier_than_nights(past: Past) -> None:
    began = past.rows[past.rows["minute"] == 0]["time"] // (3600 * SECOND) % 24
    evening, night = began.isin(range(18, 22)).mean(), began.isin(range(2, 6)).mean()
    assert evening == pytest.approx(sum(HOUR_WEIGHTS[18:22]) / sum(HOUR_WEIGHTS), abs=0.06)
    assert night < 0.1


EVENTS = [
    Watched(UNTIL, 7, "the+lost+galaxy+1994", 3),
    Rated(UNTIL, 7, "the+lost+galaxy+1994", 4.0),
    Requested(UNTIL, 7, "host:1", 200, ("the+lost+galaxy+1994",), "", 12),
    Requested(UNTIL, 7, "host:1", 0, (), "Connection refused: host:1", 1),
]


@pytest.mark.parametrize("event", EVENTS)
def test_a_damaged_line_is_never_an_event(event: Watched | Rated | Requested) -> None:
    rng = np.random.default_rng(0)
    lines = {damaged(format_event(event), rng) for _ in range(200)}
    assert len(lines) == 8
    for line in lines:
        with pytest.raises(MalformedLine):
            parse_line(line)


def test_damaged_lines_come_on_top_of_the_others_in_the_share_asked_for() -> None:
    lines = [format_event(Watched(UNTIL, 7, "the+lost+galaxy+1994", i % 90)) for i in range(20_000)]
    mixed = list(with_damage(lines, 0.2, np.random.default_rng(0)))
    assert 1 - len(lines) / len(mixed) == pytest.approx(0.2, abs=0.01)
    remaining = iter(lines)
    wanted = next(remaining)
    for line in mixed:
        if line == wanted:
            wanted = next(remaining, b"")
    assert wanted == b""
    assert list(with_damage(lines, 0.0, np.random.default_rng(0))) == lines
