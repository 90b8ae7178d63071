"""What every store on a server or a disk does when several processes use it, or one is killed."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from store import open_store
from store.port import Batch, ModelRef, StoreError
from tests.fakes import MemoryStore
from tests.store import writers
from tests.store.world import ALWAYS, assert_same, ordered, random_batches, viewing


def test_processes_that_write_of_different_users_at_once_lose_nothing(url: str) -> None:
    together = writers.PROCESSES.Barrier(3)

    writers.run_together(writers.record_users, *((url, together, share, 3) for share in range(3)))

    with closing(open_store(url)) as store:
        watches = store.watches(ALWAYS)
    assert sorted(watches["user"]) == list(range(writers.VIEWINGS))
    assert set(watches["minutes"]) == {5}


def test_processes_that_write_the_same_viewings_at_once_lose_nothing(atomic_url: str) -> None:
    together, oracle = writers.PROCESSES.Barrier(3), MemoryStore()
    minutes = (1 << writers.MINUTES) - 1
    everything = [viewing(user, f"movie {user % 7}", minutes) for user in range(writers.VIEWINGS)]
    oracle.record(Batch(everything))
    for share in range(3):
        for batch in random_batches(share, batches=3):
            oracle.record(batch)

    writers.run_together(writers.record_share, *((atomic_url, together, share, 3) for share in range(3)))

    with closing(open_store(atomic_url)) as store:
        assert_same(store, oracle)


def test_processes_that_add_routes_at_once_make_one_ledger(url: str) -> None:
    together = writers.PROCESSES.Barrier(2)

    writers.run_together(writers.add_routes, (url, together, "ann", 8), (url, together, "ben", 8))

    with closing(open_store(url)) as store:
        routes = store.routes()
    assert [route.number for route in routes] == list(range(1, 17))
    assert sorted(route.who for route in routes) == ["ann"] * 8 + ["ben"] * 8


def test_a_save_that_was_killed_shows_nothing_and_can_be_done_again(url: str, tmp_path: Path) -> None:
    ref, folder, fetched = ModelRef("KNN_1_2022-04-08", "a" * 64), tmp_path / "model", tmp_path / "fetched"
    folder.mkdir()
    fetched.mkdir()
    for name in ("a.npy", "manifest.json"):
        (folder / name).write_bytes(np.random.default_rng(1).bytes(1 << 20))

    writers.run_to_its_death(writers.die_in_save, url, ref, folder)

    with closing(open_store(url)) as store:
        assert store.models() == []
        with pytest.raises(StoreError, match=ref.name):
            store.fetch_model(ref, fetched)
        store.save_model(ref, folder)
        store.fetch_model(ref, fetched)
    assert all((fetched / file.name).read_bytes() == file.read_bytes() for file in folder.iterdir())


def test_a_batch_whose_writer_was_killed_is_whole_after_a_replay(url: str) -> None:
    (batch,), oracle = random_batches(5, batches=1), MemoryStore()
    oracle.record(batch)

    writers.run_to_its_death(writers.die_in_record, url, 5)

    with closing(open_store(url)) as store:
        store.record(batch)
        assert_same(store, oracle)


def test_threads_read_while_one_writes(url: str) -> None:
    batches, oracle = random_batches(6, batches=6), MemoryStore()
    for batch in batches:
        oracle.record(batch)

    with closing(open_store(url)) as store, ThreadPoolExecutor(4) as threads:
        reads = [threads.submit(partial(store.watches, ALWAYS)) for _ in range(8)]
        for batch in batches:
            store.record(batch)
            reads.append(threads.submit(store.watches, ALWAYS))
        sizes = {len(read.result()) for read in reads}
        last = threads.submit(store.watches, ALWAYS).result()

    assert ordered(last).equals(ordered(oracle.watches(ALWAYS)))
    assert max(sizes) == len(last)
