"""Per-user rows, metrics and moments of an experiment, kept up to date with what is told."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

import numpy as np
import pandas as pd
import pyarrow as pa

from ml.experiment.moments import MEASURED, Moments, with_derived
from ml.online import OnlineMetrics
from ml.running.asked import Asked
from ml.running.columns import Column, FirstTimes, Journal
from ml.running.numbering import Array, Numbering
from movielog.events import DAY
from store.port import ARMS, Lists

_MOVIE_BITS = 24
_REQUESTS, _WATCHED = MEASURED.index("requests"), MEASURED.index("watched")


class Running:
    """What viewers have done since `since` (ns) with what they were recommended.

    Equal at any time to `ml.online` over everything that was told, however it is cut into updates. Rows may
    be told again and up to `ml.running.asked.LATE` out of order; viewings and ratings in any order. A viewing
    whose first time has become earlier is told again. An update costs what it tells, not what was told.

    `before` holds a row per user with the columns MEASURED: what users did before the experiment.
    """

    def __init__(self, since: int, before: pd.DataFrame | None = None) -> None:
        self.since = since
        self._journal = Journal()
        self._asked = Asked(since)
        self._movies: dict[str, int] = {}
        self._users = Numbering()
        self._rows = {arm: Column(self._journal, 0.0, np.float64, len(MEASURED)) for arm in ARMS}
        self._before = _Before(before)
        self._moments = self._settled = {arm: Moments.of(self._values(arm, _NONE)) for arm in ARMS}
        self._pairs = Numbering()
        self._began = Column(self._journal, -1, np.int64)
        self._rated = Column(self._journal, -1, np.int64)
        self._stars = Column(self._journal, np.nan, np.float32)
        self._listed, self._top = FirstTimes(self._journal), FirstTimes(self._journal)

    # telling

    def update(
        self,
        requests: Lists | None = None,
        answers: pd.DataFrame | None = None,
        watches: pd.DataFrame | None = None,
        ratings: pd.DataFrame | None = None,
        more: bool = False,
    ) -> None:
        """Take in the store's `lists`, `arms`, `watches`, `ratings`; what is before `since` does not count,
        except that a viewing is as old as its earliest record of the day.

        With `more` to follow at once, requests whose answer may still change are left out until then.
        """
        self._journal.undo()
        self._moments = self._settled
        if watches is not None and len(watches):
            self._watch(watches)
        if ratings is not None and len(ratings):
            self._rate(ratings[ratings["time"] >= self.since])
        asked = self._asked.tell(self._numbered(requests), _NO_ANSWERS if answers is None else answers)
        self._list(asked.settled)
        self._settled = self._moments
        if not more:
            with self._journal.tentative():
                self._list(asked.open)

    def _watch(self, watches: pd.DataFrame) -> None:
        pairs = self._pairs_of(*self._codes(watches))
        with self._recounted(pairs):
            self._began.lift(pairs, _by_day(watches["first_time"].to_numpy()))

    def _rate(self, ratings: pd.DataFrame) -> None:
        newest = ratings.sort_values(["time", "rating"])
        newest = newest.drop_duplicates(["user", "movie"], keep="last")
        pairs = self._pairs_of(*self._codes(newest))
        time, stars = newest["time"].to_numpy(), newest["rating"].to_numpy(np.float32)
        known, known_stars = self._rated[pairs], self._stars[pairs]
        newer = (time > known) | ((time == known) & (stars > known_stars))
        with self._recounted(pairs[newer]):
            self._rated.put(pairs[newer], time[newer])
            self._stars.put(pairs[newer], stars[newer])

    def _list(self, listed: pd.DataFrame) -> None:
        user = self._users_of(listed)
        arm, time = listed["arm"].to_numpy(), listed["time"].to_numpy()
        self._count(user, arm)
        lengths, movie = _flat(listed["movies"])
        of = np.repeat(np.arange(len(user)), lengths)
        pair = _key(user[of], movie)
        self._recommend(self._listed, pair, arm[of], time[of])
        some = lengths > 0
        self._recommend(self._top, pair[(np.cumsum(lengths) - lengths)[some]], arm[some], time[some])

    def _count(self, user: Array, arm: Array) -> None:
        """One more request of each user."""
        changed, of = np.unique(user, return_inverse=True)
        with self._moved(changed):
            for each, rows in self._rows.items():
                more = np.zeros((len(user), len(MEASURED)))
                more[:, _REQUESTS] = arm == each
                rows.put(changed, rows[changed] + _summed(more, of, len(changed)))

    def _recommend(self, listed: FirstTimes, pair: Array, arm: Array, time: Array) -> None:
        places = listed.places(_in_arm(pair, arm))
        news = listed.news(places, time)
        pairs = self._pairs.find(pair[news])
        with self._recounted(pairs[pairs >= 0]):
            listed.tell(places[news], time[news])

    # users and movies as numbers

    def _users_of(self, frame: pd.DataFrame) -> Array:
        user = self._users.add(frame["user"].to_numpy()).astype(np.int64)
        self._before.learn(self._users.keys)
        for column in self._rows.values():
            column.fit(len(self._users))
        return user

    def _codes(self, frame: pd.DataFrame) -> tuple[Array, Array]:
        """Numbers of the users and of the movies of a frame."""
        movies = frame["movie"].astype("category").cat
        return self._users_of(frame), self._movies_of(movies.categories)[movies.codes]

    def _movies_of(self, names: Iterable[str]) -> Array:
        return np.array([self._movies.setdefault(name, len(self._movies)) for name in names], np.int32)

    def _numbered(self, told: Lists | None) -> pd.DataFrame:
        """Requests whose lists are in our own numbers of movies."""
        if told is None:
            return _NO_REQUESTS
        lengths, numbers = _flat(told.requests["movies"])
        present = np.flatnonzero(np.bincount(numbers, minlength=1))
        ours = np.zeros(len(told.names), np.int32)
        ours[present] = self._movies_of(told.names[number] for number in present.tolist())
        return told.requests.assign(movies=_lists(lengths, ours[numbers]))

    def _pairs_of(self, user: Array, movie: Array) -> Array:
        pairs = self._pairs.add(_key(user, movie))
        for column in (self._began, self._rated, self._stars):
            column.fit(len(self._pairs))
        return pairs

    # rows

    @contextmanager
    def _recounted(self, pairs: Array) -> Iterator[None]:
        """Keep rows and moments true while something changes about pairs, which may repeat."""
        pairs = _distinct(pairs)
        changed, of = np.unique(self._pairs.keys[pairs] >> _MOVIE_BITS, return_inverse=True)
        with self._moved(changed):
            before = {arm: self._measured(pairs, arm) for arm in ARMS}
            yield
            for arm, rows in self._rows.items():
                more = _summed(self._measured(pairs, arm) - before[arm], of, len(changed))
                rows.put(changed, rows[changed] + more)

    def _measured(self, pairs: Array, arm: int) -> Array:
        """What each pair adds to the row of its user: (pairs, MEASURED)."""
        began, keys = _by_day(self._began[pairs]), _in_arm(self._pairs.keys[pairs], arm)
        stars = self._stars[pairs].astype(np.float64)
        rated = ~np.isnan(stars)
        followed, top = began > self._listed.of(keys), began > self._top.of(keys)
        of_all = [
            (each & rated) * value
            for each in (followed, top)
            for value in (np.where(rated, stars, 0.0), np.ones(len(pairs)))
        ]
        return np.column_stack([np.zeros(len(pairs)), began >= self.since, followed, *of_all])

    @contextmanager
    def _moved(self, users: Array) -> Iterator[None]:
        """Keep moments true while rows of users, each once, change."""
        before = {arm: self._moments_of(users, arm) for arm in ARMS}
        yield
        self._moments = {
            arm: all_users - before[arm] + self._moments_of(users, arm)
            for arm, all_users in self._moments.items()
        }

    def _moments_of(self, users: Array, arm: int) -> Moments:
        there = users[self._rows[arm].values[users, _REQUESTS] > 0]
        return Moments.of(self._values(arm, there))

    def _values(self, arm: int, users: Array) -> Array:
        return np.hstack([with_derived(self._rows[arm][users]), self._before.of(users)])

    # what is known

    def moments(self) -> Mapping[int, Moments]:
        """As `ml.experiment.moments.moments_by_arm` of `rows()`."""
        return self._moments

    def metrics(self) -> Mapping[int, OnlineMetrics]:
        """As `ml.online.metrics`, of the arms that have users."""
        return {arm: _metrics(moments) for arm, moments in self._moments.items() if moments.n}

    def rows(self) -> pd.DataFrame:
        """As `ml.online.per_user`, with the number of requests: a row per (arm, user), columns MEASURED."""
        return pd.concat([self._rows_of(arm) for arm in ARMS])

    def _rows_of(self, arm: int) -> pd.DataFrame:
        values = self._rows[arm].values[: len(self._users)]
        there = np.flatnonzero(values[:, _REQUESTS] > 0)
        users = self._users.keys[there]
        index = pd.MultiIndex.from_arrays([np.full(len(users), arm, np.int8), users], names=["arm", "user"])
        counts = {name: np.int64 for name in MEASURED if not name.endswith("sum")}
        return pd.DataFrame(values[there], index, list(MEASURED)).astype(counts).sort_index()

    def everyone(self) -> pd.DataFrame:
        """A row per user with the columns MEASURED, both arms taken together, also of those who never
        requested: what a later experiment takes as `before`."""
        one, two = (self._rows[arm].values[: len(self._users)] for arm in ARMS)
        both = one + two
        both[:, _WATCHED] = one[:, _WATCHED]
        return pd.DataFrame(both, pd.Index(self._users.keys, name="user"), list(MEASURED))


class _Before:
    """What users did before the experiment, by their numbers."""

    def __init__(self, rows: pd.DataFrame | None) -> None:
        rows = pd.DataFrame(columns=list(MEASURED)) if rows is None else rows
        values = with_derived(rows[list(MEASURED)].to_numpy(np.float64))
        self._values = np.vstack([values, np.zeros_like(values, shape=(1, values.shape[1]))])
        self._index = rows.index
        self._places = Column(Journal(), -1, np.int64)
        self._known = 0

    def learn(self, users: Array) -> None:
        """All users by number; those beyond the ones known are new."""
        self._places.fit(len(users))
        new = np.arange(self._known, len(users))
        self._places.put(new, self._index.get_indexer(pd.Index(users[new])))
        self._known = len(users)

    def of(self, users: Array) -> Array:
        """(users, DURING), zeros for strangers."""
        values: Array = self._values[self._places[users]]
        return values


_NONE = np.empty(0, np.int64)
_NO_ANSWERS = pd.DataFrame({name: _NONE for name in ("user", "time", "arm")} | {"model": pd.Categorical([])})


def _flat(lists: pd.Series) -> tuple[Array, Array]:
    """The length of each list, and the numbers in all of them."""
    arrow = pa.chunked_array(pa.array(lists)).combine_chunks()
    return arrow.value_lengths().to_numpy().astype(np.int64), arrow.flatten().to_numpy()


def _lists(lengths: Array, numbers: Array) -> pd.arrays.ArrowExtensionArray:
    """The inverse of `_flat`."""
    ends = np.append(0, np.cumsum(lengths)).astype(np.int32)
    return pd.arrays.ArrowExtensionArray(pa.ListArray.from_arrays(ends, numbers))


_NO_REQUESTS = pd.DataFrame(
    {name: _NONE for name in ("user", "time", "millis", "digest")}
    | {"movies": _lists(_NONE, _NONE.astype(np.int32))}
)


def _key(user: Array, movie: Array) -> Array:
    return np.asarray((user << _MOVIE_BITS) | movie)


def _distinct(values: Array) -> Array:
    """Each value once, in order; numpy's own hashes whole numbers, which takes several times as long."""
    ordered = np.sort(values)
    return ordered[np.append(True, ordered[1:] != ordered[:-1])] if len(ordered) else ordered


def _in_arm(pair: Array, arm: Array | int) -> Array:
    return (pair << 1) | (arm - 1)


def _by_day(times: Array) -> Array:
    """Numbers whose maximum is the earliest time on the latest day; applied twice, the times again."""
    return np.asarray(times + (DAY - 1) - 2 * (times % DAY))


def _summed(values: Array, of: Array, count: int) -> Array:
    """Sums (count, columns) of the rows of each number in `of`."""
    return np.column_stack([np.bincount(of, weights=column, minlength=count) for column in values.T])


def _metrics(arm: Moments) -> OnlineMetrics:
    return OnlineMetrics(
        users=arm.n,
        followers=int(arm.sum("followers")),
        watched=int(arm.sum("watched")),
        recommended_and_watched=int(arm.sum("recommended_and_watched")),
        rating_sum=arm.sum("rating_sum"),
        rating_count=int(arm.sum("rating_count")),
        top_rating_sum=arm.sum("top_rating_sum"),
        top_rating_count=int(arm.sum("top_rating_count")),
    )
