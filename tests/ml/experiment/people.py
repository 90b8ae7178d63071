"""Users with different habits, drawn at random: rows as `ml.online.per_user` makes them."""

import numpy as np
import pandas as pd
from numpy.random import Generator

from ml.experiment.moments import MEASURED


def people(
    rng: Generator, users: int, arm: int = 1, follows: float = 0.4, stars: float = 3.8
) -> pd.DataFrame:
    """A row per user with the columns MEASURED, by (arm, user); users are numbered from 0 in each arm."""
    requests = 1 + rng.poisson(rng.gamma(1, 3, users))
    watched = rng.poisson(0.8 * requests)
    followed = rng.binomial(watched, rng.beta(4 * follows, 4 * (1 - follows), users))
    rated = rng.binomial(followed, 0.6)
    top = rng.binomial(rated, 0.5)
    kind = np.clip((stars + rng.normal(0, 0.4, users) - 1) / 4, 0, 1)
    top_sum = top + rng.binomial(8 * top, kind) / 2
    rating_sum = top_sum + (rated - top) + rng.binomial(8 * (rated - top), kind) / 2
    columns = [requests, watched, followed, rating_sum, rated, top_sum, top]
    index = pd.MultiIndex.from_product([[arm], range(users)], names=["arm", "user"])
    return pd.DataFrame(dict(zip(MEASURED, columns, strict=True)), index=index)


def earlier(rng: Generator, rows: pd.DataFrame) -> pd.DataFrame:
    """What the same users did before, much alike: a binomial half of every column of counts; by user."""
    before = pd.DataFrame(
        rng.binomial(rows[list(MEASURED)].to_numpy().astype(int), 0.5), columns=list(MEASURED)
    )
    return before.set_index(rows.index.get_level_values("user"))
