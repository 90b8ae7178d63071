"""Experiments by the thousand: what an invented audience does before a model is played once, then drawn from.

Users differ in how often they come and at which hour, in their tastes and in how kindly they rate, as
`movielog.audience` has them: their movies, ratings and hours are not independent of each other.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from ml.experiment.moments import COLUMNS, MEASURED, Array, Moments, with_derived
from movielog.audience.behaviour import choose, follow, rate
from movielog.audience.model import Audience, Places

HOURS = 14
VISITS = 3.0
"""Of a user on average over the experiment; each begins with a request and ends with a movie."""
_LENGTH = 20
_CANDIDATES = 60
_AT_ONCE = 20_000
_REQUESTS = COLUMNS.index("requests")


@dataclass(frozen=True)
class Model:
    """Lists the most enjoyable of some movies that came to notice.

    Its estimate of enjoyment (0 to 1) errs by 0.25; `appeal`, 0 to 1, is how readily its lists are followed,
    `delight` the chance that a rating is a star higher than it would be.
    """

    appeal: float
    delight: float = 0.0


def bank(audience: Audience, usual: Model, models: list[Model], rng: Generator) -> list[Array]:
    """For each model, values (HOURS, users, COLUMNS) by the end of each hour; zeros for who has not come yet.

    Who comes when, and the behaviour before the experiment, before the `usual` model, are the same in all.
    """
    earlier = _play(audience, usual, _visitors(audience, rng), np.zeros(1), rng)[0]
    before = with_derived(earlier) * (earlier[:, [0]] > 0)
    who = _visitors(audience, rng)
    hour = (rng.random(len(audience.users))[who] + rng.normal(0, 0.2, len(who))) % 1.0 * HOURS
    return [_with_before(_play(audience, model, who, hour, rng), before) for model in models]


def _with_before(hourly: Array, before: Array) -> Array:
    return np.stack([np.hstack([with_derived(now), before]) * (now[:, [0]] > 0) for now in hourly])


def _visitors(audience: Audience, rng: Generator) -> Places:
    """The user of each visit."""
    expected = audience.activity * VISITS * len(audience.users)
    return np.repeat(np.arange(len(expected)), rng.poisson(expected))


def _play(audience: Audience, model: Model, who: Places, hour: Array, rng: Generator) -> Array:
    """What every user did by the end of each hour, from its visits: values (hours, users, MEASURED)."""
    begun = np.broadcast_to(hour, who.shape).astype(np.int64)
    values = np.zeros((begun.max() + 1, len(audience.users), len(MEASURED)))
    for part in np.array_split(np.arange(len(who)), 1 + len(who) // _AT_ONCE):
        np.add.at(values, (begun[part], who[part]), _visits(audience, model, who[part], rng))
    return values.cumsum(axis=0)


def _visits(audience: Audience, model: Model, users: Places, rng: Generator) -> Array:
    """Values (visits, MEASURED)."""
    lists = _recommend(audience, users, rng)
    place = follow(audience, users, lists, rng, model.appeal)
    movies = np.where(place >= 0, lists[np.arange(len(users)), place], choose(audience, users, rng))
    listed = lists == movies[:, None]
    stars = rate(audience, users, movies, rng)
    rated = listed.any(axis=1) & ~np.isnan(stars)
    top = listed[:, 0] & rated
    stars = np.minimum(np.nan_to_num(stars) + (rng.random(len(users)) < model.delight), 5.0)
    one = np.ones(len(users))
    return np.column_stack([one, one, listed.any(axis=1), stars * rated, rated, stars * top, top])


def _recommend(audience: Audience, users: Places, rng: Generator) -> Places:
    movies = audience.noticed((len(users), _CANDIDATES), rng)
    score = audience.enjoyment(users[:, None], movies) + rng.normal(0, 0.25, movies.shape)
    return np.take_along_axis(movies, np.argsort(-score, axis=1)[:, :_LENGTH], axis=1)


def lossy(values: Array, lost: float, rng: Generator) -> Array:
    """The bank as it looks where each request is lost with chance `lost`; without requests, no user."""
    found = values.copy()
    found[..., _REQUESTS] = rng.binomial(values[..., _REQUESTS].astype(np.int64), 1 - lost)
    return found * (found[..., [_REQUESTS]] > 0)


def moments(values: Array, columns: tuple[str, ...] = COLUMNS) -> Moments:
    """Of values (users, columns), the first of which is `users`, of those who have come."""
    return Moments(int(values[:, 0].sum()), values.sum(axis=0), values.T @ values, columns)


def experiment(
    old: Array, new: Array, users: int, rng: Generator, columns: tuple[str, ...] = COLUMNS
) -> Iterator[tuple[Moments, Moments]]:
    """Moments of both arms at each look, of users drawn from the bank and put in arms by chance, half each.

    old, new: values (looks, users of the bank, columns).
    """
    arm2 = int(rng.binomial(users, 0.5))
    drawn = rng.integers(old.shape[1], size=users)
    for before, after in zip(old, new, strict=True):
        yield moments(before[drawn[arm2:]], columns), moments(after[drawn[:arm2]], columns)
