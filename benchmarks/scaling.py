"""What ten and a hundred million users need, from measured rates: `python -m benchmarks.scaling`.

Writes the tables of docs/scaling.md, which says what they mean.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from benchmarks.page import DOCS, markdown

PAGE = DOCS / "scaling.md"
AUDIENCES = (1_000_000, 10_000_000, 100_000_000)

_PLACE = re.compile(r"(<!-- (rates|needs) -->\n).*?(<!-- end -->)", re.DOTALL)


@dataclass(frozen=True)
class Rate:
    """A figure, its unit, and where it is from."""

    name: str
    value: float
    unit: str
    source: str


MOVIES_A_DAY = Rate("movies watched", 3, "a user and day", "assumed: as in L, 15 in 5 days")
MINUTES = Rate("minutes of a movie", 60, "lines of the log", "assumed")
REQUESTS = Rate("requests", 5, "a user and day", "assumed")
PEAK = Rate("busiest second to the day's mean", 3, "", "assumed")
BUSY = Rate("share of a core or disk planned for", 0.6, "", "assumed: room for failures and repeats")
INGEST = Rate(
    "log to store, one consumer", 60_000, "lines/s", "measured by `bench-ingest`: MongoDB's protocol"
)
UPSERTS = Rate("bulk upserts of a MongoDB shard", 20_000, "a second", "not measured here: take your own")
ANSWER = Rate(
    "one answer, all server processes", 0.42, "ms of CPU", "measured by `bench-serve`: gthread, SQLite, L"
)
FIT = Rate("similarities, 1 G products", 2.4, "s of CPU", "measured, two threads, L")
PRODUCTS = Rate("products", 960, "a user", "the squares of the users' movies, L")
RETRAIN = Rate("all else of a retrain", 5, "µs of CPU an interaction", "measured by `bench-retrain`, L")
TRAIN_MEMORY = Rate("memory of a retrain", 105, "bytes an interaction", "measured by `bench-retrain`, L")
MODEL = Rate("a model's rows", 5, "bytes an interaction", "L: 16-bit movie, 8-bit weight, the users")
VIEWING = Rate("a viewing in MongoDB, with its indexes", 250, "bytes", "estimate")

RATES = (
    MOVIES_A_DAY, MINUTES, REQUESTS, PEAK, BUSY, INGEST, UPSERTS, ANSWER, FIT, PRODUCTS, RETRAIN,
    TRAIN_MEMORY, MODEL, VIEWING,
)  # fmt: skip

DAYS, KEPT_DAYS, DAY = 5, 90, 86_400
CORES = 4
"""Of a replica, and of a Spark executor."""


@dataclass(frozen=True)
class Needs:
    """What an audience of daily users needs; rates are a second at the busiest time."""

    users: int

    @property
    def lines(self) -> float:
        """Lines of the log a second."""
        return self.users * MOVIES_A_DAY.value * MINUTES.value / DAY * PEAK.value

    @property
    def partitions(self) -> int:
        """Of the topic, each with a consumer that is not fully busy."""
        return ceil(self.lines / (INGEST.value * BUSY.value))

    @property
    def shards(self) -> int:
        """Of MongoDB, if each line became an upsert of its own."""
        return ceil(self.lines / (UPSERTS.value * BUSY.value))

    @property
    def viewings_gb(self) -> float:
        """Viewings of `KEPT_DAYS`."""
        return self.users * MOVIES_A_DAY.value * KEPT_DAYS * VIEWING.value / 1e9

    @property
    def requests(self) -> float:
        """Requests a second."""
        return self.users * REQUESTS.value / DAY * PEAK.value

    @property
    def replicas(self) -> int:
        """Of the service, `CORES` each; two at the least, so that one may fail."""
        return max(2, ceil(self.requests * ANSWER.value / 1000 / BUSY.value / CORES))

    @property
    def interactions(self) -> float:
        """In a window of `DAYS`."""
        return self.users * MOVIES_A_DAY.value * DAYS

    @property
    def model_gb(self) -> float:
        """Memory of a model, once a machine."""
        return self.interactions * MODEL.value / 1e9

    @property
    def fit_seconds(self) -> float:
        """CPU of the similarities."""
        return self.users * PRODUCTS.value / 1e9 * FIT.value

    @property
    def retrain_seconds(self) -> float:
        """CPU of all else of a retrain, mostly on one core."""
        return self.interactions * RETRAIN.value / 1e6

    @property
    def retrain_gb(self) -> float:
        """Memory of the machine that retrains, the driver's with Spark."""
        return self.interactions * TRAIN_MEMORY.value / 1e9

    @property
    def executors(self) -> int:
        """Of Spark, `CORES` each, with which the similarities take half a minute."""
        return ceil(self.fit_seconds / 30 / CORES)


ROWS = (
    ("lines/s", "users x movies x minutes / 86,400 x peak", "lines"),
    ("**Kafka partitions**, and consumers", "lines/s / (ingest x busy)", "partitions"),
    ("**MongoDB shards**", "lines/s / (upserts x busy)", "shards"),
    (f"viewings of {KEPT_DAYS} days, GB", "users x movies x days x bytes", "viewings_gb"),
    ("requests/s", "users x requests / 86,400 x peak", "requests"),
    (f"**replicas** of {CORES} cores", "requests/s x CPU / busy / cores", "replicas"),
    ("a model in memory, GB", "interactions x bytes", "model_gb"),
    ("interactions in a window", f"users x movies x {DAYS}", "interactions"),
    ("similarities, s of CPU", "users x products x CPU", "fit_seconds"),
    (f"**Spark executors** of {CORES} cores", "so that this takes 30 s", "executors"),
    ("all else of a retrain, s of CPU", "interactions x CPU", "retrain_seconds"),
    ("memory of the retraining machine, GB", "interactions x bytes", "retrain_gb"),
)
"""What it is, how it is computed, and where `Needs` has it."""


def rates() -> str:
    """The table of rates."""
    rows = [(each.name, each.value, each.unit, each.source) for each in RATES]
    return markdown(("rate", "value", "", "from"), rows)


def needs(audiences: Sequence[int] = AUDIENCES) -> str:
    """The table of what audiences need, a column each."""
    each = [Needs(users) for users in audiences]
    rows = [(name, how, *(getattr(one, field) for one in each)) for name, how, field in ROWS]
    return markdown(("", "how", *(f"{users // 1_000_000} million users" for users in audiences)), rows)


def rendered(page: str) -> str:
    """The page with both tables in their places."""
    made = {"rates": rates(), "needs": needs()}
    return _PLACE.sub(lambda found: f"{found[1]}\n{made[found[2]]}\n{found[3]}", page)


if __name__ == "__main__":
    PAGE.write_text(rendered(PAGE.read_text()))
