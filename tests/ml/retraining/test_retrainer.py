"""What comes of a look at what is due: what stops a run, what is refused, what waits for the remote."""

import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ml import deploy, routes, snapshot
from ml.retraining import lease, pipeline
from ml.retraining.lease import Lease, LeaseLostError
from ml.tracking import Repository, TrackingError
from movielog.times import instant
from store.port import FAILED, PUBLISHED, REFUSED, UNFIT, Batch, Quarantined, Store
from tests.ml.gate.world import shuffled
from tests.ml.retraining.world import Place, fill


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture
def store(place: Place) -> Iterator[Store]:
    with closing(place.store()) as store:
        yield store


@pytest.mark.usefixtures("store")
def test_without_events_there_is_nothing_to_do_yet(place: Place) -> None:
    assert place.retrainer().look() is None
    with pytest.raises(ValueError, match="holds no events"):
        place.retrainer().once(None, None)


def test_a_good_model_serves_and_one_of_shuffled_ratings_is_kept_out_and_both_are_seen(
    place: Place, store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first run's remote is away."""
    away = place.folder / "remote"
    away.write_text("a file, where the remote's folder should be")
    fill(store, "2022-04-12")
    retrainer = place.retrainer()
    good = retrainer.once(None, instant("2022-04-08T23:59"))
    assert (good.outcome, good.label, good.name) == (PUBLISHED, 1, "KNN_1_2022-04-08")
    retrainer.look(instant("2022-04-08T23:59"))
    assert "provenance_backlog 1.0" in place.page()

    away.unlink()
    with monkeypatch.context() as patch:
        patch.setattr(snapshot, "counted", _counted_and_shuffled)
        bad = retrainer.look()
    assert bad is not None
    assert (bad.outcome, bad.label, bad.name) == (REFUSED, 2, "KNN_2_2022-04-12")
    assert bad.model in store.models()
    assert routes.serving(store.routes()) == {1: good.model}
    page = place.page()
    assert "provenance_backlog 0.0" in page
    assert 'retrain_runs_total{label="1",outcome="published"} 1.0' in page
    assert 'retrain_runs_total{label="2",outcome="refused"} 1.0' in page
    assert f'gate_figures{{label="2",name="over_popularity"}} {bad.figures["over_popularity"]}' in page
    assert bad.figures["over_popularity_low"] < 0 < good.figures["over_popularity_low"]
    _check_the_list(place, monkeypatch, capsys)


def _counted_and_shuffled(*given: Any, counted: Any = snapshot.counted) -> Any:
    table, counts = counted(*given)
    return shuffled(table), counts


def _check_the_list(
    place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STORE_URL", place.store_url)
    assert deploy.main(["list"]) == 0
    models, retrains, _ = capsys.readouterr().out.split("\n\n")
    assert "KNN_1_2022-04-08" in models.splitlines()[1]
    assert models.splitlines()[1].endswith("serves arm 1")
    assert models.splitlines()[2].endswith("refused by the gate")
    assert "does not surely beat popularity" in retrains
    assert deploy.main(["publish", "KNN_2_2022-04-12", "--arm", "2"]) == 2
    assert "--force publishes it nevertheless" in capsys.readouterr().err
    assert deploy.main(["publish", "KNN_2_2022-04-12", "--arm", "2", "--force"]) == 0


def test_a_window_that_is_not_fit_stops_the_run_and_is_looked_at_again_a_day_later(
    place: Place, store: Store
) -> None:
    fill(store, "2022-04-06")
    retrainer = place.retrainer()
    ended = retrainer.look(instant("2022-04-05T12:00"))
    assert ended is not None
    assert ended.outcome == UNFIT
    assert ended.reasons[0] == "2022-04-01 is missing: no event on that day"
    assert not (place.folder / "provenance").exists()
    assert not store.models()
    assert 'retrain_runs_total{label="1",outcome="unfit"} 1.0' in place.page()
    assert retrainer.look(instant("2022-04-06T11:59")) is None
    again = retrainer.look(instant("2022-04-06T12:00"))
    assert again is not None
    assert again.name == "KNN_1_2022-04-06"


def test_a_burst_of_malformed_lines_stops_a_run_once(place: Place, store: Store) -> None:
    fill(store, "2022-04-08")
    garbage = [Quarantined(f"0:{number}", "too few fields", b"\x00\x01", 2) for number in range(900)]
    store.record(Batch(quarantined=garbage))
    ended = place.retrainer().look()
    assert ended is not None
    assert ended.outcome == UNFIT
    assert "of the lines are malformed" in ended.reasons[0]
    _, counts = snapshot.counted(store, ended.window)
    found, timeless = pipeline._amiss(place.retrainer()._workshop(store), ended, counts)
    assert (found, timeless) == ([], 900)


def test_an_error_is_recorded_and_gives_the_lease_back(
    place: Place, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise TrackingError("no space left")

    fill(store, "2022-04-08")
    monkeypatch.setattr(Repository, "run", full)
    retrainer = place.retrainer()
    with pytest.raises(TrackingError):
        retrainer.look()
    (failed,) = store.retrains()
    assert (failed.outcome, failed.reasons) == (FAILED, ("TrackingError: no space left",))
    assert store.lease(lease.NAME, "somebody else", now=time.time_ns(), until=2**62)
    assert "retrain_running 0.0" in place.page()


def test_a_retrain_by_hand_waits_for_the_one_at_work(
    place: Place, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(store, "2022-04-05")
    store.lease(lease.NAME, "somebody else", now=time.time_ns(), until=2**62)
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        store.end_lease(lease.NAME, "somebody else")

    monkeypatch.setattr("ml.retraining.retrainer.time.sleep", wait)
    assert place.retrainer().once(1, None).outcome == UNFIT
    assert len(waits) == 1


def test_a_lease_is_prolonged_as_long_as_it_is_held(
    place: Place, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "SECONDS", 0.2)
    prolonged = threading.Event()
    mine = Lease(place.store)
    take = mine._take

    def counting(store: Store) -> bool:
        if threading.current_thread() is not threading.main_thread():
            prolonged.set()
        return take(store)

    monkeypatch.setattr(mine, "_take", counting)
    with mine.held(store) as held:
        assert held
        assert prolonged.wait(30)
        mine.make_sure(store)
    with Lease(place.store).held(store) as held:
        assert held


def test_who_lost_the_lease_is_told_so(place: Place, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "SECONDS", 1e-6)
    mine = Lease(place.store)
    with mine.held(store):
        while not store.lease(lease.NAME, "somebody else", now=time.time_ns(), until=2**62):
            pass
        with pytest.raises(LeaseLostError):
            mine.make_sure(store)
