"""Who the audience is: the seed decides, and taste has a structure that can be learned."""

from collections import Counter

import numpy as np
import pytest
from scipy.sparse import csr_array

from movielog.audience.history import history
from movielog.audience.invented import invented
from movielog.audience.model import Audience
from movielog.events import DAY, Watched
from movielog.format import format_event
from movielog.parse import parse_line

UNTIL = 19_000 * DAY


def _same(one: Audience, other: Audience) -> bool:
    return all(
        np.array_equal(value, getattr(other, name)) for name, value in vars(one).items() if name[0] != "_"
    )


def test_the_same_seed_makes_the_same_audience() -> None:
    assert _same(invented(50, 80, seed=3), invented(50, 80, seed=3))
    assert not _same(invented(50, 80, seed=3), invented(50, 80, seed=4))


def test_titles_are_different_ids_that_the_parser_takes() -> None:
    audience = invented(10, 20_000, seed=1)
    assert len(set(audience.movies)) == 20_000
    for movie in audience.movies[:500]:
        event = Watched(UNTIL, 1, movie, 3)
        assert parse_line(format_event(event)) == event


@pytest.mark.parametrize(("users", "movies"), [(0, 5), (5, 0), (5, 100_001)])
def test_an_impossible_audience_is_refused(users: int, movies: int) -> None:
    with pytest.raises(ValueError, match="at least one user and from 1 to"):
        invented(users, movies, seed=1)


def test_an_audience_may_be_as_small_as_one_user_and_one_movie() -> None:
    audience = invented(1, 1, seed=1)
    assert set(history(audience, UNTIL, days=2, per_day=3, seed=1).rows["movie"]) <= {0}


def test_enjoyment_is_the_same_one_by_one_and_all_at_once() -> None:
    audience = invented(20, 30, seed=2)
    table = audience.enjoyment(np.arange(20)[:, None], np.arange(30))
    assert table.shape == (20, 30)
    assert table.min() > 0
    assert table.max() < 1
    for user, movie in [(0, 0), (7, 29), (19, 4)]:
        logit = (
            audience.tastes[user] @ audience.kinds[movie] + audience.kindness[user] + audience.quality[movie]
        )
        assert audience.enjoyment(user, movie) == pytest.approx(1 / (1 + np.exp(-logit)))


def test_visitors_and_noticed_movies_come_in_proportion_to_their_shares() -> None:
    audience = invented(5, 5, seed=1)
    rng = np.random.default_rng(0)
    for shares, drawn in [
        (audience.activity, audience.visitors(100_000, rng)),
        (audience.popularity, audience.noticed((500, 200), rng).ravel()),
    ]:
        found = np.bincount(drawn, minlength=5) / 100_000
        assert np.abs(found - shares).max() < 0.01


def test_a_few_movies_have_most_of_the_popularity_and_a_few_users_most_of_the_activity() -> None:
    audience = invented(1000, 1000, seed=1)
    for shares in (audience.popularity, audience.activity):
        assert shares.sum() == pytest.approx(1)
        assert np.sort(shares)[-200:].sum() > 0.5


def test_neighbours_predict_the_audiences_choices_far_better_than_popularity() -> None:
    audience = invented(1000, 500, seed=1)
    rows = history(audience, UNTIL, days=6, per_day=1.5, seed=1).rows
    seen = rows[rows["minute"] <= 0].drop_duplicates(["user", "movie"])
    user, movie = np.searchsorted(audience.users, seen["user"]), seen["movie"].to_numpy()
    held_out = np.random.default_rng(0).random(len(seen)) < 0.2
    known = csr_array(
        (np.ones((~held_out).sum()), (user[~held_out], movie[~held_out])), shape=(1000, 500)
    ).toarray()
    scaled = known / np.maximum(np.linalg.norm(known, axis=0), 1)
    alike = scaled.T @ scaled - np.eye(500)
    hits = Counter[str]()
    for name, scores in {
        "neighbours": known @ alike,
        "popularity": np.tile(known.sum(axis=0), (1000, 1)),
    }.items():
        best = np.argsort(-np.where(known > 0, -1, scores), axis=1)[:, :20]
        hits[name] = int((best[user[held_out]] == movie[held_out, None]).any(axis=1).sum())
    assert hits["neighbours"] > 1.3 * hits["popularity"] > 0
