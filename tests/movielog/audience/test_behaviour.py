"""What users do, against the chances that the truth implies."""

import numpy as np
import pytest

from movielog.audience import behaviour
from movielog.audience.behaviour import choose, follow, minutes_seen, rate, respond
from movielog.audience.invented import invented
from movielog.audience.model import Audience

VISITS = 40_000


@pytest.fixture(scope="module")
def audience() -> Audience:
    return invented(60, 90, seed=5)


def _followed(audience: Audience, user: int, movies: list[int], appeal: float = 1.0) -> np.ndarray:
    """Share of visits in which each place of the list is followed."""
    lists = np.tile(movies, (VISITS, 1))
    places = follow(audience, np.full(VISITS, user), lists, np.random.default_rng(1), appeal)
    return np.bincount(places[places >= 0], minlength=len(movies)) / VISITS


def _by_enjoyment(audience: Audience, user: int) -> list[int]:
    enjoyment = audience.enjoyment(user, np.arange(len(audience.movies)))
    return [int(place) for place in np.argsort(enjoyment)]


def test_places_are_followed_as_often_as_the_cascade_says(audience: Audience) -> None:
    movies = _by_enjoyment(audience, 3)[::15]
    taken = behaviour.ATTRACTION * audience.enjoyment(3, np.array(movies)) ** 2
    expected = [
        behaviour.PATIENCE**place * chance * np.prod(1 - taken[:place]) for place, chance in enumerate(taken)
    ]
    assert _followed(audience, 3, movies) == pytest.approx(expected, abs=0.006)


def test_the_better_movie_and_the_higher_place_are_followed_more_often(audience: Audience) -> None:
    *_, worse, best = _by_enjoyment(audience, 3)[-40::13]
    assert _followed(audience, 3, [best])[0] > _followed(audience, 3, [worse])[0]
    first, *_, last = _followed(audience, 3, [best] * 15)
    assert first > 2 * last


def test_appeal_multiplies_the_chance_to_follow(audience: Audience) -> None:
    movies = _by_enjoyment(audience, 3)[-20:]
    full, half = _followed(audience, 3, movies).sum(), _followed(audience, 3, movies, 0.5).sum()
    assert half / full == pytest.approx(0.5, abs=0.02)
    assert _followed(audience, 3, movies, 0.0).sum() == 0


def test_no_movie_and_an_empty_list_are_never_followed(audience: Audience) -> None:
    assert _followed(audience, 3, [-1, -1]).sum() == 0
    assert (
        follow(audience, np.zeros(5, int), np.empty((5, 0), int), np.random.default_rng(0)).tolist()
        == [-1] * 5
    )


def test_own_choices_are_to_the_users_taste(audience: Audience) -> None:
    rng = np.random.default_rng(2)
    users = rng.integers(60, size=VISITS)
    chosen = audience.enjoyment(users, choose(audience, users, rng)).mean()
    noticed = audience.enjoyment(users, audience.noticed((VISITS,), rng)).mean()
    assert chosen > noticed + 0.2


def test_seen_movies_are_not_chosen_while_there_are_others(audience: Audience) -> None:
    rng = np.random.default_rng(2)
    users = np.full(500, 3)
    seen = set(choose(audience, users, rng)[:250].tolist())
    assert not seen & set(choose(audience, users, rng, seen).tolist())


def test_ratings_and_minutes_grow_with_enjoyment(audience: Audience) -> None:
    rng = np.random.default_rng(3)
    worst, best = (np.full(2000, _by_enjoyment(audience, 3)[place]) for place in (0, -1))
    users = np.full(2000, 3)
    stars = [rate(audience, users, movies, rng, 1.0) for movies in (worst, best)]
    assert set(np.unique(stars)) <= {1, 2, 3, 4, 5}
    assert stars[0].mean() + 1 < stars[1].mean()
    share = [minutes_seen(audience, users, m, rng) / audience.lengths[m] for m in (worst, best)]
    assert 0 < min(map(np.min, share)) < max(map(np.max, share)) == 1
    assert share[0].mean() + 0.2 < share[1].mean()


def test_a_share_of_the_viewings_is_rated(audience: Audience) -> None:
    places = np.zeros(VISITS, dtype=np.int64)
    rated = ~np.isnan(rate(audience, places, places, np.random.default_rng(4)))
    assert rated.mean() == pytest.approx(behaviour.RATED, abs=0.01)


def test_a_response_is_a_viewing_of_a_recommended_or_another_movie(audience: Audience) -> None:
    rng = np.random.default_rng(6)
    best = _by_enjoyment(audience, 3)[:-20:-1]
    recommended = ["unknown+movie+1900", *(audience.movies[movie] for movie in best)]
    responses = [respond(audience, 3, recommended, rng, seen={best[0]}) for _ in range(500)]
    followed = [response for response in responses if response.followed is not None]
    assert 100 < len(followed) < 450
    assert all(recommended[r.followed or 0] == audience.movies[r.movie] for r in followed)
    assert best[0] not in {response.movie for response in responses}
    assert all(1 <= r.minutes <= audience.lengths[r.movie] for r in responses)
    assert {r.rating for r in responses} >= {None, 5.0}


def test_a_user_without_recommendations_watches_something_else(audience: Audience) -> None:
    assert respond(audience, 3, (), np.random.default_rng(0)).followed is None
