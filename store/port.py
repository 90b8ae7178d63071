"""The one port to all data, in the words of the domain.

Times are whole nanoseconds since 1970 UTC (`movielog.events`). Every write is idempotent: the same batch
twice changes nothing. Frames have one row per record, in no promised order; the categories of a column
are the values that occur in it, sorted.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from movielog.events import DAY, Rated, Requested

if TYPE_CHECKING:
    import pandas as pd  # a process that reads no frames does without

ARMS = (1, 2)


class StoreError(Exception):
    """What the store could not do, in one sentence."""


class StoreUnavailable(StoreError):  # noqa: N818
    """The store cannot be reached now; the same call may succeed later."""


class RouteConflict(StoreError):  # noqa: N818
    """Somebody else changed the routes first; read them again."""


class Window(NamedTuple):
    """From `start` up to but not including `end`."""

    start: int
    end: int

    @classmethod
    def until(cls, last: date, days: int) -> "Window":
        """The `days` whole UTC days of which `last` is the last."""
        end = (last - date(1970, 1, 1) + timedelta(days=1)).days * DAY
        return cls(end - days * DAY, end)


@dataclass(frozen=True, slots=True)
class Viewing:
    """What one user saw of one movie on one UTC day; (day, user, movie) is its identity.

    `day` counts from 1970-01-01. Bit i of `minutes` is set where minute i was seen, so that a union of two
    records of the same viewing is the same in any order and however often it is made.
    """

    day: int
    user: int
    movie: str
    first_time: int
    last_time: int
    minutes: int


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A line that could not be parsed. `position` is its place in the log and its identity.

    `raw` holds at most the first 2 KiB of the line's `size` bytes.
    """

    position: str
    reason: str
    raw: bytes
    size: int


@dataclass(frozen=True, slots=True)
class Batch:
    """What was read from the log since the last commit."""

    viewings: Sequence[Viewing] = ()
    ratings: Sequence[Rated] = ()
    requests: Sequence[Requested] = ()
    quarantined: Sequence[Quarantined] = ()


class Seen(NamedTuple):
    """A movie that a user watched, rated or both, over all days.

    `minutes` adds up the minutes seen on each day. `rating` is the newest one, of several at the same time
    the highest, None where there is none.
    """

    movie: str
    last_time: int
    minutes: int
    rating: float | None


class Lists(NamedTuple):
    """Requests that were answered with 200, and what they listed as numbers.

    `requests` has user, time, millis, digest (int64) and movies (Arrow lists of int32); a number stands for
    its place in `names`. (user, time, digest) is a request's identity.
    """

    requests: "pd.DataFrame"
    names: Sequence[str]


class ModelRef(NamedTuple):
    """A model by name, such as `KNN_1_2022-04-08`, and the SHA-256 of its manifest in hex."""

    name: str
    digest: str


@dataclass(frozen=True, slots=True)
class Route:
    """Which model serves which arm from `time` on, until the route with the next number.

    Numbers are 1, 2, 3 without a gap. An arm without a model of its own is served by the other arm's.
    """

    number: int
    time: int
    models: Mapping[int, ModelRef]
    action: str
    who: str
    why: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What the service answered a user, and from what.

    `fresh` are the movies that went into the answer and were not in the model's own row of the user: id and
    strength, 0 where the movie was only kept out of the answer.
    """

    time: int
    user: int
    arm: int
    model: ModelRef
    rung: str
    movies: tuple[str, ...]
    fresh: Mapping[str, float] = field(default_factory=dict)


RUNNING, PUBLISHED, REFUSED, UNFIT, FAILED = "running", "published", "refused", "unfit", "failed"
"""Outcomes of a retrain: under way, or killed; serving since; kept out by the gate; the window was not fit to
be trained on; ended by an error."""


@dataclass(frozen=True, slots=True)
class Retrain:
    """One attempt to make a model; (name, started) is its identity, `name` the one that its model gets.

    `ended` is None while it runs. `reasons` say in a sentence each why its model does not serve. `model` is
    None where none was made. `figures` are what was measured, by name.
    """

    name: str
    label: int
    window: Window
    started: int
    ended: int | None
    outcome: str
    reasons: tuple[str, ...] = ()
    model: ModelRef | None = None
    figures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One look at an experiment, over everything from `since` up to `until`; (experiment, until) is its
    identity. `results` is what was found, as plain JSON with text as keys."""

    experiment: str
    since: int
    until: int
    results: Mapping[str, Any]


class Store(ABC):
    """All data of Marquee. Safe for several processes at once, one instance per process or thread."""

    # the log

    @abstractmethod
    def record(self, batch: Batch) -> None:
        """Write what the log told. All of it is durable on return, or StoreError is raised."""

    @abstractmethod
    def quarantined(self) -> Iterable[Quarantined]:
        """All lines in quarantine, by position."""

    @abstractmethod
    def release(self, positions: Sequence[str]) -> None:
        """Remove lines from quarantine; unknown positions are ignored."""

    @abstractmethod
    def newest(self) -> int | None:
        """Time of the newest event, the "now" of a replayed log; None for an empty store."""

    @abstractmethod
    def watches(self, window: Window) -> "pd.DataFrame":
        """Viewings that began in the window: user (int64), movie (category), first_time, last_time (int64),
        first_minute, last_minute, minutes (int64, number of minutes seen)."""

    @abstractmethod
    def ratings(self, window: Window) -> "pd.DataFrame":
        """Ratings given in the window: user (int64), movie (category), time (int64), rating (float64)."""

    @abstractmethod
    def requests(self, window: Window, user: int | None = None) -> "pd.DataFrame":
        """Requests of the window, of all users or of one, as their callers saw them: user, time (int64),
        server (str), status, millis (int64), movies (str, comma-separated, empty for none), error (str)."""

    @abstractmethod
    def lists(self, window: Window) -> Lists:
        """Of the same requests those with status 200 and what metrics need of them, which is read much
        faster."""

    @abstractmethod
    def history(self, user: int, besides: Set[str] = frozenset()) -> Sequence[Seen]:
        """Every movie that the user ever watched or rated besides those given; empty for an unknown user.

        Read while a viewer waits: StoreUnavailable where it takes longer than the store was opened for.
        """

    def histories(self, users: Sequence[int]) -> Mapping[int, Sequence[Seen]]:
        """The histories of many users, each of them a key; nobody waits."""
        return {user: self.history(user) for user in users}

    # models

    @abstractmethod
    def save_model(self, ref: ModelRef, folder: Path) -> None:
        """Keep the files of a model's folder in place of any kept for `ref` before.

        Whole on return or not there at all; StoreError where the folder holds no files or a folder.
        """

    @abstractmethod
    def fetch_model(self, ref: ModelRef, folder: Path) -> None:
        """Write a model's files into an existing empty folder. StoreError where there is no such model."""

    @abstractmethod
    def models(self) -> Sequence[ModelRef]:
        """All whole models, oldest first."""

    @abstractmethod
    def add_route(self, route: Route) -> None:
        """Append one entry to the routes. RouteConflict where its number is not the next one."""

    @abstractmethod
    def routes(self) -> Sequence[Route]:
        """The whole ledger, oldest first."""

    # answers

    @abstractmethod
    def record_answers(self, answers: Sequence[Answer]) -> None:
        """Write what the service answered; (time, user) is an answer's identity, the first one stays."""

    @abstractmethod
    def answers(self, window: Window, user: int | None = None) -> "pd.DataFrame":
        """Answers given in the window, to all users or to one: user, time, arm (int64), model, digest, rung
        (category), movies (str, comma-separated), fresh (str, `id=strength` comma-separated)."""

    @abstractmethod
    def arms(self, window: Window) -> "pd.DataFrame":
        """Of the same answers user, time, arm, model alone, which is read much faster."""

    # jobs

    @abstractmethod
    def lease(self, name: str, holder: str, now: int, until: int) -> bool:
        """Take or prolong the one lease of that name; False where another holder has it beyond `now`."""

    @abstractmethod
    def end_lease(self, name: str, holder: str) -> None:
        """Give a lease back; one that another holder has stays."""

    @abstractmethod
    def record_retrain(self, retrain: Retrain) -> None:
        """Write a retrain in place of what was written of it before."""

    @abstractmethod
    def retrains(self) -> Sequence[Retrain]:
        """All retrains by the time they started, oldest first."""

    @abstractmethod
    def record_evaluation(self, evaluation: Evaluation) -> None:
        """Write one look at an experiment in place of an earlier one up to the same time."""

    @abstractmethod
    def evaluations(self, experiment: str | None = None) -> Sequence[Evaluation]:
        """All looks at an experiment, or at all of them, by `until`, oldest first."""

    @abstractmethod
    def save_checkpoint(self, name: str, state: bytes) -> None:
        """Keep what a job needs to go on from after a restart, at most 8 MiB, in place of the last one."""

    @abstractmethod
    def checkpoint(self, name: str) -> bytes | None:
        """What `save_checkpoint` kept last, None where nothing was."""

    @abstractmethod
    def close(self) -> None:
        """Let go of connections and files."""
