"""What users do: follow a recommendation or choose by themselves, watch for a while, sometimes rate.

Users and movies are given by their places in the audience. All functions but `respond` take arrays, one entry
per visit, and draw from the given generator alone.
"""

from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from movielog.audience.model import Audience, Floats, Places

ATTRACTION = 0.16
"""Chance to take a movie that one would enjoy fully, at the moment of looking at it in a list."""
PATIENCE = 0.88
"""Chance to look on from one place of a list to the next."""
NOTICED = 32
"""Movies that come to a user's notice before one of them is chosen."""
PICKINESS = 7.0
"""Log-odds by which a movie fully enjoyed is preferred to one not enjoyed at all."""
RATED = 0.35
"""Share of viewings that are rated."""
MOOD = 0.6
"""Standard deviation of a rating around the enjoyment, in stars."""


class Response(NamedTuple):
    """One viewing of the movie at place `movie`.

    `followed` is the movie's place in the list, from 0, None where the user chose by itself. `rating` is None
    where the movie is not rated.
    """

    movie: int
    followed: int | None
    minutes: int
    rating: float | None


def respond(
    audience: Audience,
    user: int,
    recommended: Sequence[str],
    rng: Generator,
    appeal: float = 1.0,
    seen: Collection[int] = (),
) -> Response:
    """What a user does when these ids are recommended; unknown ids and movies already seen do not tempt."""
    users, listed = np.array([user]), audience.found(recommended)
    tempting = np.where(np.isin(listed, list(seen)), -1, listed)
    followed = int(follow(audience, users, tempting[None], rng, appeal)[0])
    movie = listed[[followed]] if followed >= 0 else choose(audience, users, rng, seen)
    minutes = minutes_seen(audience, users, movie, rng)
    stars = rate(audience, users, movie, rng)
    return Response(
        movie=int(movie[0]),
        followed=followed if followed >= 0 else None,
        minutes=int(minutes[0]),
        rating=None if np.isnan(stars[0]) else float(stars[0]),
    )


def follow(
    audience: Audience, users: Places, lists: Places, rng: Generator, appeal: float | Floats = 1.0
) -> Places:
    """Which place of its list (visits, length; -1 for no movie) each user follows; -1 where none.

    A user looks at one place after the other (a cascade with a chance `PATIENCE` to look on: Craswell et
    al., "An experimental comparison of click position-bias models", 2008) and takes what it sees with a
    chance `ATTRACTION` times the square of its enjoyment. `appeal`, 0 to 1, multiplies the chance to follow.
    """
    enjoyment = np.where(lists >= 0, audience.enjoyment(users[:, None], np.maximum(lists, 0)), 0.0)
    looked_at = rng.geometric(1 - PATIENCE, (len(lists), 1)) > np.arange(lists.shape[1])
    taken = looked_at & (rng.random(lists.shape) < ATTRACTION * enjoyment**2)
    follows = taken.any(axis=1) & (rng.random(len(lists)) < appeal)
    return np.where(follows, np.argmax(taken, axis=1) if taken.size else -1, -1)


def choose(audience: Audience, users: Places, rng: Generator, seen: Collection[int] = ()) -> Places:
    """A movie of each user's own choosing: of those that come to its notice it takes one to its taste.

    Movies in `seen` are taken only where nothing else came to notice.
    """
    noticed = audience.noticed((len(users), NOTICED), rng)
    score = PICKINESS * audience.enjoyment(users[:, None], noticed) + rng.gumbel(size=noticed.shape)
    score -= 1e6 * np.isin(noticed, list(seen))
    return np.take_along_axis(noticed, np.argmax(score, axis=1)[:, None], axis=1)[:, 0]


def minutes_seen(audience: Audience, users: Places, movies: Places, rng: Generator) -> NDArray[np.int64]:
    """How long each user watches, at least a minute; the more it enjoys a movie, the likelier to the end."""
    lengths = audience.lengths[movies]
    to_the_end = rng.random(len(users)) < audience.enjoyment(users, movies)
    return (
        np.where(to_the_end, lengths, np.ceil(rng.random(len(users)) ** 2 * lengths)).clip(1).astype(np.int64)
    )


def rate(audience: Audience, users: Places, movies: Places, rng: Generator, share: float = RATED) -> Floats:
    """Whole stars, 1 to 5, that follow the enjoyment; NaN for the movies that are not rated."""
    stars = 1 + 4 * audience.enjoyment(users, movies) + rng.normal(0, MOOD, len(users))
    return np.where(rng.random(len(users)) < share, np.rint(stars).clip(1, 5), np.nan)
