"""Whether every answer that callers got is accounted for: by the service's record, or by log and routes."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from ml.online import CLOCKS_DIFFER
from ml.provenance.served import AROUND, MILLISECOND, answer_of, join, likely_models, request_of, rows
from ml.split import Split
from movielog.events import Requested
from store.port import Store, Window


@dataclass(frozen=True)
class Account:
    """The successful requests of the log: with a record by the service, and without, by the number of models
    that the routes leave possible: one, several or none. `answers` are all that the service recorded."""

    answers: int
    recorded: int
    one: int
    several: int
    none: int

    @property
    def requests(self) -> int:
        """All successful requests of the log."""
        return self.recorded + self.one + self.several + self.none


def account(store: Store, split: Split, window: Window) -> Account:
    """Take account of a window."""
    around = Window(max(0, window.start - AROUND), min(window.end + AROUND, 2**63 - 1))
    asked, answers, ledger = store.requests(around), store.answers(around), store.routes()
    asked = asked[asked["status"] == 200]
    lost = [one for one in _unrecorded(asked, answers) if window.start <= one.time < window.end]
    counts = Counter(min(2, len(likely_models(ledger, split.arm(one.user), one))) for one in lost)
    total, recorded = (int(frame["time"].between(*_ends(window)).sum()) for frame in (asked, answers))
    return Account(recorded, total - len(lost), counts[1], counts[2], counts[0])


def _ends(window: Window) -> tuple[int, int]:
    return window.start, window.end - 1


def _unrecorded(asked: pd.DataFrame, answers: pd.DataFrame) -> Iterator[Requested]:
    """The requests of which there is no record, as `served.join` finds for each user."""
    suspects = asked.loc[~_has_an_answer_near(asked, answers), "user"].unique()
    mine = answers[answers["user"].isin(suspects)].groupby("user")
    for user, lines in asked[asked["user"].isin(suspects)].groupby("user"):
        recorded = rows(mine.get_group(user)) if user in mine.groups else ()
        both = join(map(answer_of, recorded), map(request_of, rows(lines)))
        yield from (each.request for each in both if each.request and not each.answer)


def _has_an_answer_near(asked: pd.DataFrame, answers: pd.DataFrame) -> pd.Series:
    """Whether the nearest answer with the same movies is near enough and not another request's nearest."""
    lines = asked[["user", "movies", "time", "millis"]].reset_index().sort_values("time")
    near = answers[["user", "movies", "time"]].assign(answered=answers["time"], place=range(len(answers)))
    joined = pd.merge_asof(
        lines, near.sort_values("time"), on="time", by=["user", "movies"], direction="nearest"
    )
    apart = (joined["answered"] - joined["time"]).abs()
    found = (apart <= joined["millis"] * MILLISECOND + CLOCKS_DIFFER) & ~joined["place"].duplicated(
        keep=False
    )
    return pd.Series(found.to_numpy(), joined["index"]).reindex(asked.index)


def text(found: Account) -> str:
    """An account for people."""
    return "\n".join(
        [
            f"{found.requests:10,} requests were answered, as the log tells",
            f"{found.recorded:10,} of them the service recorded",
            f"{found.one:10,} it did not, and the routes name one model",
            f"{found.several:10,} it did not, and the routes name several, since they changed about then",
            f"{found.none:10,} it did not, and no route was in force",
            f"{found.answers:10,} answers are recorded in all",
        ]
    )
