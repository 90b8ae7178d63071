"""The four online metrics of each arm: what viewers did with what they were recommended.

All frames hold one window. Movies are categories, whose numberings need not agree; times are ns (int64). A
watch counts at its viewing's `first_time`. A user's movie is *recommended and watched* where a viewing of it
began after a request, of this user and arm, that listed it. Users of an arm have a successful request in it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from movielog.events import SECOND

CLOCKS_DIFFER = 2 * SECOND
"""How far apart the clocks of the log and of the service may be, in ns."""
LONGEST_REQUEST = 60 * SECOND
"""How long a request may have lasted, in ns, to find its answer by."""

_MILLISECOND = SECOND // 1000
_NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True)
class OnlineMetrics:
    """The metrics of one arm and the counts that they are made of, of distinct users or (user, movie)s."""

    users: int
    followers: int
    watched: int
    recommended_and_watched: int
    rating_sum: float
    rating_count: int
    top_rating_sum: float
    top_rating_count: int

    @property
    def record_accuracy(self) -> float:
        """Movies recommended and watched / all movies watched; NaN where nothing was watched."""
        return _ratio(self.recommended_and_watched, self.watched)

    @property
    def recommendation_accuracy(self) -> float:
        """Users who watched a recommended movie / users who requested; NaN without a user."""
        return _ratio(self.followers, self.users)

    @property
    def average_rating(self) -> float:
        """Mean of the newest ratings of movies recommended and watched, 1 to 5; NaN where none is rated."""
        return _ratio(self.rating_sum, self.rating_count)

    @property
    def average_top_rating(self) -> float:
        """`average_rating` over the movies that came first in a request before they were watched."""
        return _ratio(self.top_rating_sum, self.top_rating_count)


def _ratio(above: float, below: float) -> float:
    return above / below if below else float("nan")


def metrics(users: pd.DataFrame) -> Mapping[int, OnlineMetrics]:
    """The metrics of every arm that occurs in a frame of `per_user`."""
    arms = users.index.get_level_values("arm")
    return {int(arm): _metrics(users[arms == arm]) for arm in arms.unique()}


def _metrics(users: pd.DataFrame) -> OnlineMetrics:
    return OnlineMetrics(
        users=len(users),
        followers=int((users["recommended_and_watched"] > 0).sum()),
        watched=int(users["watched"].sum()),
        recommended_and_watched=int(users["recommended_and_watched"].sum()),
        rating_sum=float(users["rating_sum"].sum()),
        rating_count=int(users["rating_count"].sum()),
        top_rating_sum=float(users["top_rating_sum"].sum()),
        top_rating_count=int(users["top_rating_count"].sum()),
    )


def per_user(recommended: pd.DataFrame, watches: pd.DataFrame, ratings: pd.DataFrame) -> pd.DataFrame:
    """What every user with a successful request did: the unit of the statistics.

    Takes a frame of `recommended`, watches (user, movie, first_time) and ratings (user, movie, time, rating).
    Returns a row per (arm, user), its index in ascending order, with `watched`, `recommended_and_watched`,
    `rating_count`, `top_rating_count` (int64), `rating_sum` and `top_rating_sum` (float64): numbers of
    different movies, and the sums of their newest ratings; of two at the same time the higher one counts.
    """
    users = pd.Index(recommended["user"].unique())
    listed, viewed, rated = _coded(users, recommended, watches, ratings)
    viewings = viewed.groupby("pair").agg(user=("user", "first"), began=("first_time", "max"))
    viewings["stars"] = _newest(rated).reindex(viewings.index)
    codes = np.unique(listed["arm"])
    arms = [_of_arm(listed[listed["arm"] == arm], viewings) for arm in codes]
    table = pd.concat(arms or [_of_arm(listed, viewings)])
    of_arm = np.repeat(codes, [len(rows) for rows in arms])
    table.index = pd.MultiIndex.from_arrays([of_arm, users.take(table.index)], names=["arm", "user"])
    return table.sort_index()


def _coded(users: pd.Index, *frames: pd.DataFrame) -> list[pd.DataFrame]:
    """Rows of these users, with the user's place in `users` and a number per (user, movie), -1 for none."""
    movies, columns = _shared_codes([frame["movie"].astype("category") for frame in frames])
    coded = []
    for frame, movie in zip(frames, columns, strict=True):
        user = users.get_indexer(pd.Index(frame["user"]))
        pair = np.where(movie < 0, -1, user * movies + movie)
        coded.append(frame.drop(columns="movie").assign(user=user, pair=pair)[user >= 0])
    return coded


def _shared_codes(columns: list[pd.Series]) -> tuple[int, list[NDArray[np.int64]]]:
    """The number of different movies, and each column's codes in a numbering that all columns share."""
    names = pd.Index(np.concatenate([column.cat.categories.to_numpy(object) for column in columns])).unique()
    places = [np.append(names.get_indexer(column.cat.categories), -1) for column in columns]
    return len(names), [place[column.cat.codes] for place, column in zip(places, columns, strict=True)]


def _newest(rated: pd.DataFrame) -> pd.Series:
    ordered = rated.sort_values(["time", "rating"])
    return ordered.drop_duplicates("pair", keep="last").set_index("pair")["rating"]


def _of_arm(listed: pd.DataFrame, viewings: pd.DataFrame) -> pd.DataFrame:
    users = np.unique(listed["user"])
    pairs = viewings[viewings["user"].isin(users)]
    followed = pairs["began"] > _first(listed, pairs.index)
    top = pairs["began"] > _first(listed[listed["rank"] == 1], pairs.index)
    stars = pairs["stars"]
    columns = {
        "watched": np.ones(len(pairs), dtype=np.int64),
        "recommended_and_watched": followed.astype(np.int64),
        "rating_sum": stars.where(followed).fillna(0.0),
        "rating_count": (followed & stars.notna()).astype(np.int64),
        "top_rating_sum": stars.where(top).fillna(0.0),
        "top_rating_count": (top & stars.notna()).astype(np.int64),
    }
    return pd.DataFrame(columns, index=pairs.index).groupby(pairs["user"]).sum().reindex(users, fill_value=0)


def _first(listed: pd.DataFrame, pairs: pd.Index) -> pd.Series:
    """Time of the first request that listed each pair, the end of time where there is none."""
    return listed.groupby("pair")["time"].min().reindex(pairs, fill_value=_NEVER)


def belonging(requests: pd.DataFrame, answers: pd.DataFrame) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The requests, in the order of time, whose answer was found, and their answers: places in the frames.

    A request (user, time, millis) belongs to the answer (user, time) to the same user that is nearest in
    time, at most the request's own duration (`LONGEST_REQUEST` at most) and `CLOCKS_DIFFER` away, whether the
    log tells when it began or when it ended.
    """
    asked, answered = (_by_time(frame) for frame in (requests, answers))
    near = answered.rename(columns={"place": "answer"})
    joined = pd.merge_asof(asked, near, on="time", by="user", direction="nearest").dropna(subset="answer")
    places, found = joined["place"].to_numpy(), joined["answer"].to_numpy(np.int64)
    apart = np.abs(answers["time"].to_numpy()[found] - joined["time"].to_numpy())
    lasted = requests["millis"].clip(upper=LONGEST_REQUEST // _MILLISECOND).to_numpy()[places] * _MILLISECOND
    near_enough = apart <= lasted + CLOCKS_DIFFER
    return places[near_enough], found[near_enough]


def _by_time(frame: pd.DataFrame) -> pd.DataFrame:
    columns = {name: frame[name].to_numpy() for name in ("user", "time")}
    return pd.DataFrame({**columns, "place": np.arange(len(frame))}).sort_values("time", ignore_index=True)


def recommended(requests: pd.DataFrame, answers: pd.DataFrame) -> pd.DataFrame:
    """What callers were recommended, from the store's frames `requests` and `answers` of a window.

    A row per movie of each request with status 200: user, time of the request (int64), arm (int8), model,
    movie (category), rank (int16, from 1). A successful request that listed nothing is one row of rank 0
    without a movie.

    The movies and the time are those that the caller saw; arm and model are what the service recorded for the
    answer to which the request is `belonging`. Requests without one are left out: nobody recorded their arm.
    """
    successful = requests[requests["status"] == 200]
    asked, answered = belonging(successful, answers)
    served = successful[["user", "time"]].iloc[asked].reset_index(drop=True)
    answer = answers[["arm", "model"]].iloc[answered].reset_index(drop=True)
    served = served.assign(arm=answer["arm"].astype(np.int8), model=answer["model"])
    lists = pc.split_pattern(_text(successful["movies"].iloc[asked]), ",")
    lengths = pc.list_value_length(lists).to_numpy(zero_copy_only=False).astype(np.int64)
    rows = served.loc[np.repeat(np.arange(len(served)), lengths)]
    movies = pc.list_flatten(lists).dictionary_encode()
    rank = np.arange(len(rows)) - np.repeat(np.cumsum(lengths) - lengths, lengths) + 1
    return _without_empty_ids(rows.assign(movie=_category(movies), rank=rank.astype(np.int16)))


def _text(column: pd.Series) -> pa.Array:
    """One Arrow array, in however many pieces the column is kept."""
    text = pa.array(column, type=pa.large_string())
    return text.combine_chunks() if isinstance(text, pa.ChunkedArray) else text


def _category(encoded: pa.DictionaryArray) -> pd.Categorical:
    names = pd.Index(encoded.dictionary.to_pylist(), dtype="str")
    return pd.Categorical.from_codes(encoded.indices.to_numpy(zero_copy_only=False), categories=names)


def _without_empty_ids(rows: pd.DataFrame) -> pd.DataFrame:
    """An empty list was split into one empty id: it becomes rank 0 without a movie."""
    empty = (rows["movie"] == "").to_numpy()
    rows = rows.assign(rank=rows["rank"].where(~empty, np.int16(0)))
    return rows.assign(movie=rows["movie"].cat.remove_categories([""] if empty.any() else []))
