"""What tests run in processes of their own: writers that race, and writers that are killed on the way."""

import os
import signal
from collections.abc import Callable, Iterator
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from pathlib import Path

from store import folders, open_store
from store.port import Batch, ModelRef, Route, RouteConflict
from tests.store.world import START, random_batches, viewing

MINUTES, VIEWINGS = 30, 20
PROCESSES = get_context("forkserver")
PROCESSES.set_forkserver_preload([__name__])


def run_together(target: Callable[..., None], *shares: tuple[object, ...]) -> None:
    """Run a process for each share; all must end well."""
    processes = [PROCESSES.Process(target=target, args=share) for share in shares]
    for process in processes:
        process.start()
    for process in processes:
        process.join(90)
    assert [process.exitcode for process in processes] == [0] * len(processes)


def run_to_its_death(target: Callable[..., None], *arguments: object) -> None:
    """Run a process that must end by SIGKILL."""
    process = PROCESSES.Process(target=target, args=arguments)
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL


def record_share(url: str, together: Barrier, share: int, shares: int) -> None:
    """Every `shares`-th minute of viewings that all writers write, a minute a batch; then other batches."""
    together.wait(60)
    store = open_store(url)
    for minute in range(share, MINUTES, shares):
        store.record(Batch([viewing(user, f"movie {user % 7}", 1 << minute) for user in range(VIEWINGS)]))
    for batch in random_batches(share, batches=3):
        store.record(batch)
    store.close()


def record_users(url: str, together: Barrier, share: int, shares: int) -> None:
    """Every `shares`-th user's viewings, each in three pieces, all at the same times."""
    together.wait(60)
    store = open_store(url)
    for bits in (0b11, 0b110, 0b11000):
        store.record(Batch([viewing(user, minutes=bits) for user in range(share, VIEWINGS, shares)]))
    store.close()


def add_routes(url: str, together: Barrier, who: str, routes: int) -> None:
    """Append routes, each after whatever is the last one then."""
    together.wait(60)
    store = open_store(url)
    while routes:
        try:
            store.add_route(Route(len(store.routes()) + 1, START, {}, "publish", who, ""))
            routes -= 1
        except RouteConflict:
            pass
    store.close()


def die_in_save(url: str, ref: ModelRef, folder: Path) -> None:
    """Save a model and be killed before its last file is written."""
    last, parts_of = folders.files_of(folder)[-1], folders.parts_of

    def deadly(file: Path) -> Iterator[tuple[str, int, bytes]]:
        for part in parts_of(file):
            yield part
            if file == last:
                os.kill(os.getpid(), signal.SIGKILL)

    folders.parts_of = deadly
    open_store(url).save_model(ref, folder)


class _Deadly(list):  # type: ignore[type-arg]
    """A list that kills the process when its second item is asked for."""

    def __iter__(self) -> Iterator[object]:
        yield self[0]
        os.kill(os.getpid(), signal.SIGKILL)


def die_in_record(url: str, seed: int) -> None:
    """Write a batch and be killed after its viewings, on the way through its requests."""
    (batch,) = random_batches(seed, batches=1)
    open_store(url).record(Batch(batch.viewings, batch.ratings, _Deadly(batch.requests)))
