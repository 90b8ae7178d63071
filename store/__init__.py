"""All data of Marquee, behind one port."""

from store.port import Store, StoreError


def open_store(url: str, history_seconds: float = 60) -> Store:
    """The store at `mongodb://host:27017/database` or `sqlite:///path`, made ready where it is new.

    A server that takes longer than `history_seconds` to tell a user's history counts as away. StoreError
    where the URL is of neither kind; StoreUnavailable where no server answers.
    """
    if url.startswith("sqlite:///"):
        from store.sqlite import SqliteStore  # a driver is loaded only where it is used

        return SqliteStore(url.removeprefix("sqlite://"))
    if url.startswith(("mongodb://", "mongodb+srv://")):
        from store.mongo import MongoStore

        return MongoStore(url, history_seconds)
    raise StoreError(f"{url!r} is not a store: expected sqlite:///PATH or mongodb://HOST:PORT/DATABASE")
