"""Events that the contract's tests share, and how frames are compared."""

import random

import pandas as pd

from movielog.events import DAY, SECOND, Rated, Requested
from store.port import Batch, Lists, Quarantined, Store, Viewing, Window

TODAY = 19_090
START = TODAY * DAY
ALWAYS = Window(0, 200 * 365 * DAY)
MOVIES = (
    "toy+story+1995",
    "amélie+2001",
    "千と千尋の神隠し+2001",
    "face/off=1997",
    "$set",
    ".hidden.movie.",
    "seen.0",
    "l'année+dernière",
    "100%_+of_it",
)
USERS = (0, 7, 16_635, 10**18 - 1)


def viewing(user: int = 7, movie: str = MOVIES[0], minutes: int = 0b111, start: int = START) -> Viewing:
    """A viewing from `start` that lasted up to its last minute."""
    return Viewing(start // DAY, user, movie, start, start + minutes.bit_length() * 60 * SECOND, minutes)


def random_batches(seed: int, batches: int = 12) -> list[Batch]:
    """Batches of two days that overlap in every way: pieces of the same viewings, the same lines twice."""
    choose = random.Random(seed)
    return [_batch(choose) for _ in range(batches)]


def _batch(choose: random.Random) -> Batch:
    requests = [_request(choose) for _ in range(8)]
    return Batch(
        viewings=[_piece(choose) for _ in range(25)],
        ratings=[_rated(choose) for _ in range(15)],
        requests=[*requests, requests[0]],
        quarantined=[Quarantined(f"0:{choose.randrange(20)}", "no time", b"\x00\xff,7,GET", 9)],
    )


def _piece(choose: random.Random) -> Viewing:
    first = choose.randrange(0, 1441 if choose.random() < 0.1 else 130)
    length = choose.randrange(1, min(9, 1442 - first))
    day, begin = TODAY + choose.randrange(2), choose.randrange(DAY - 3600 * SECOND)
    bits = choose.randrange(1, 1 << length) << first
    return Viewing(
        day,
        choose.choice(USERS),
        choose.choice(MOVIES),
        day * DAY + begin,
        day * DAY + begin + choose.randrange(3600 * SECOND),
        bits,
    )


def _rated(choose: random.Random) -> Rated:
    time = START + choose.randrange(40) * DAY // 20
    return Rated(time, choose.choice(USERS), choose.choice(MOVIES), choose.randrange(2, 11) / 2)


def _request(choose: random.Random) -> Requested:
    movies = tuple(choose.choices(MOVIES, k=choose.choice((0, 1, 20))))
    status, error = choose.choice(((200, ""), (500, "no, not now: ürgh"), (0, "")))
    time = START + choose.randrange(4) * DAY // 2
    return Requested(time, choose.choice(USERS), "team:8082", status, movies, error, choose.randrange(900))


def watch_everything(store: Store) -> list[pd.DataFrame]:
    """All frames of the log, ordered."""
    frames = store.watches(ALWAYS), store.ratings(ALWAYS), store.requests(ALWAYS), named(store.lists(ALWAYS))
    return [ordered(frame) for frame in frames]


def named(lists: Lists) -> pd.DataFrame:
    """The requests with their movies as text again."""
    movies = [",".join(lists.names[number] for number in listed) for listed in lists.requests["movies"]]
    return lists.requests.assign(movies=pd.array(movies, "str"))


def ordered(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame in an order of its own."""
    plain = frame.astype({name: "str" for name in frame.select_dtypes("category")})
    return frame.loc[plain.sort_values(list(frame.columns)).index].reset_index(drop=True)


def assert_same(store: Store, oracle: Store) -> None:
    """Both stores tell the same of the log, to the type of every column."""
    for ours, theirs in zip(watch_everything(store), watch_everything(oracle), strict=True):
        pd.testing.assert_frame_equal(ours, theirs)
    assert store.newest() == oracle.newest()
    assert list(store.quarantined()) == list(oracle.quarantined())
    for user in USERS:
        assert set(store.history(user)) == set(oracle.history(user))
