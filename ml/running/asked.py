"""Requests on their way to their answers, which may come a little later."""

from typing import NamedTuple

import pandas as pd

from ml import online
from movielog.events import SECOND

LATE = 600 * SECOND
"""How long after a later event one may still be told of, in ns."""
REACH = online.LONGEST_REQUEST + online.CLOCKS_DIFFER
"""How far from its answer a request may be, in ns."""

_IDENTITY = ["user", "time", "digest"]
_ANSWER = ["user", "time", "arm", "model"]


class Listed(NamedTuple):
    """Frames with a row per request whose arm is known: user, time, arm (int64), model, and movies as told.

    `settled` requests are decided, the answers of `open` ones may change."""

    settled: pd.DataFrame
    open: pd.DataFrame


class Asked:
    """Successful requests and the answers that they may belong to, as long as either can still change.

    Whoever tells of something `LATE` after a later request or answer tells it too late: it does not count.
    """

    def __init__(self, since: int) -> None:
        self._since = self._settled = since
        self._newest = since
        self._requests = self._answers = pd.DataFrame()

    def tell(self, requests: pd.DataFrame, answers: pd.DataFrame) -> Listed:
        """Requests as in the store's `lists` and its frame `arms`, which may repeat what was told; each
        settled request comes out once."""
        self._requests = _joined(self._requests, _from(requests, self._settled), _IDENTITY)
        oldest = max(self._since, self._settled - REACH)
        answers = answers[_ANSWER]
        self._answers = _joined(_from(self._answers, oldest), _from(answers, oldest), _ANSWER[:2])
        for frame in (requests, answers):
            self._newest = max(self._newest, int(frame["time"].max()) if len(frame) else 0)
        return self._settle()

    def _settle(self) -> Listed:
        asked, answered = online.belonging(self._requests, self._answers)
        listed = self._requests[["user", "time", "movies"]].iloc[asked]
        of = self._answers[["arm", "model"]].iloc[answered]
        listed = listed.assign(arm=of["arm"].to_numpy(), model=of["model"].array)
        self._settled = max(self._settled, self._newest - LATE - REACH)
        self._requests = _from(self._requests, self._settled)
        done = listed["time"] < self._settled
        return Listed(listed[done], listed[~done])


def _from(frame: pd.DataFrame, oldest: int) -> pd.DataFrame:
    return frame[frame["time"] >= oldest] if len(frame) else frame


def _joined(known: pd.DataFrame, told: pd.DataFrame, identity: list[str]) -> pd.DataFrame:
    """Both, rows that are in both once."""
    if known.empty:
        return told
    again = told["time"] <= known["time"].max()
    known = pd.concat([known, told[again]]).drop_duplicates(identity)
    joined: pd.DataFrame = pd.concat([known, told[~again]], ignore_index=True)
    return joined
