"""What every store does for jobs: leases, retrains, looks at experiments, checkpoints."""

from dataclasses import replace

from store.port import PUBLISHED, RUNNING, Evaluation, ModelRef, Retrain, Store, Window
from tests.store.world import START

RETRAIN = Retrain("KNN_2_2022-04-08", 2, Window(START, START + 5), START + 7, None, RUNNING)
LOOK = Evaluation("M1 and M2", START, START + 9, {"verdict": "old", "p": [0.5, None], "n": {"1": 3}})


def test_a_lease_has_one_holder_until_it_is_over(store: Store) -> None:
    assert store.lease("retrain", "one", now=10, until=20)
    assert not store.lease("retrain", "two", now=19, until=30)
    assert store.lease("another", "two", now=19, until=30)
    assert store.lease("retrain", "two", now=20, until=30)
    assert not store.lease("retrain", "one", now=21, until=40)


def test_a_holder_prolongs_its_lease(store: Store) -> None:
    store.lease("retrain", "one", now=10, until=20)
    assert store.lease("retrain", "one", now=15, until=50)
    assert not store.lease("retrain", "two", now=30, until=60)


def test_only_its_holder_gives_a_lease_back(store: Store) -> None:
    store.lease("retrain", "one", now=10, until=20)
    store.end_lease("retrain", "two")
    assert not store.lease("retrain", "two", now=11, until=30)
    store.end_lease("retrain", "one")
    store.end_lease("retrain", "one")
    assert store.lease("retrain", "two", now=11, until=30)


def test_a_retrain_is_written_again_as_it_goes_on(store: Store) -> None:
    ended = replace(
        RETRAIN,
        ended=START + 8,
        outcome=PUBLISHED,
        reasons=("none; “really”",),
        model=ModelRef(RETRAIN.name, "a" * 64),
        figures={"recall@20, 5%": 0.25},
    )
    later = replace(RETRAIN, started=START + 9)
    for retrain in (later, RETRAIN, ended, ended):
        store.record_retrain(retrain)

    assert store.retrains() == [ended, later]


def test_looks_at_experiments_come_back_by_time(store: Store) -> None:
    later, other = replace(LOOK, until=START + 11), replace(LOOK, experiment="M2 and M3")
    for look in (later, replace(LOOK, results={}), other, LOOK):
        store.record_evaluation(look)

    assert store.evaluations("M1 and M2") == [LOOK, later]
    assert store.evaluations() == [LOOK, other, later]
    assert store.evaluations("M3 and M4") == []


def test_a_checkpoint_replaces_the_last_one(store: Store) -> None:
    assert store.checkpoint("monitor") is None
    store.save_checkpoint("monitor", b"one")
    store.save_checkpoint("other", b"")
    store.save_checkpoint("monitor", b"\x00\xff" * 2_000_000)

    assert store.checkpoint("monitor") == b"\x00\xff" * 2_000_000
    assert store.checkpoint("other") == b""
