"""Requests on their way to their answers, which may come a little later."""

from typing import NamedTuple

import pandas as pd

from ml import online
from movielog.events import SECOND

LATE = 600 * SECOND
"""How long after a later event one may still be told of, in ns."""
REACH = online.LONGEST_REQUEST + online.CLOCKS_DIFFER
"""How far from its answer a request may be, in ns."""

_REQUEST = ["user", "time", "millis", "movies"]
_ANSWER = ["user", "time", "arm", "model"]


class Recommended(NamedTuple):
    """Frames of `ml.online.recommended`: requests that are decided, and those whose answer may change."""

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

    def tell(self, requests: pd.DataFrame, answers: pd.DataFrame) -> Recommended:
        """Frames of the store, which may repeat what was told; each settled request comes out once."""
        successful = requests.loc[requests["status"] == 200, [*_REQUEST, "server"]]
        self._requests = _joined(self._requests, _from(successful, self._settled))
        oldest = max(self._since, self._settled - REACH)
        self._answers = _joined(_from(self._answers, oldest), _from(answers[_ANSWER], oldest))
        for frame in (requests, answers):
            self._newest = max(self._newest, int(frame["time"].max()) if len(frame) else 0)
        return self._settle(online.recommended(self._requests.assign(status=200), self._answers))

    def _settle(self, listed: pd.DataFrame) -> Recommended:
        self._settled = max(self._settled, self._newest - LATE - REACH)
        self._requests = _from(self._requests, self._settled)
        done = listed["time"] < self._settled
        return Recommended(listed[done], listed[~done])


def _from(frame: pd.DataFrame, oldest: int) -> pd.DataFrame:
    return frame[frame["time"] >= oldest] if len(frame) else frame


def _joined(known: pd.DataFrame, told: pd.DataFrame) -> pd.DataFrame:
    """Both, rows that are in both once."""
    if known.empty:
        return told
    again = told["time"] <= known["time"].max()
    known = pd.concat([known, told[again]]).drop_duplicates()
    joined: pd.DataFrame = pd.concat([known, told[~again]], ignore_index=True)
    return joined
