"""What Prometheus is told of retrains: it comes from the records, so that it is right after a restart."""

from dataclasses import replace

from prometheus_client import CollectorRegistry

from ml.retraining.pipeline import TIMELESS
from ml.retraining.schedule import NEWEST
from ml.retraining.telemetry import Telemetry
from movielog.events import DAY, SECOND
from store.port import FAILED, PUBLISHED, REFUSED, RUNNING, Retrain, Window

FIGURES = {NEWEST: 5.0, TIMELESS: 3, "recall_recipe": 0.25}
FIRST = Retrain("KNN_1", 1, Window(0, 5), 10 * SECOND, 14 * SECOND, PUBLISHED, figures=FIGURES)
SECOND_ONE = replace(FIRST, name="KNN_2", label=2, started=20 * SECOND, ended=27 * SECOND, outcome=REFUSED)
FAILURE = Retrain("KNN_2", 2, Window(0, 5), 30 * SECOND, 31 * SECOND, FAILED, figures={NEWEST: 6.0})
AT_WORK = replace(FAILURE, started=40 * SECOND, ended=None, outcome=RUNNING)


def _retrain(number: int, label: int, outcome: str) -> Retrain:
    window = Window(0, 5 * DAY)
    return Retrain(f"KNN_{label}_{number}", label, window, number * DAY, (number + 1) * DAY, outcome)


def _runs(registry: CollectorRegistry) -> dict[tuple[str, str], float]:
    return {
        (sample.labels["label"], sample.labels["outcome"]): sample.value
        for family in registry.collect()
        for sample in family.samples
        if sample.name == "retrain_runs_total"
    }


def test_every_outcome_is_counted_from_none_on_so_that_the_first_one_is_an_increase() -> None:
    registry = CollectorRegistry()
    telemetry = Telemetry(registry)
    telemetry.tell([], None, 0)
    before = _runs(registry)
    telemetry.tell([_retrain(1, 1, REFUSED)], 9 * DAY, 0)
    assert set(before.values()) == {0}
    assert _runs(registry) == before | {("1", "refused"): 1}


def test_a_restarted_process_counts_nothing_until_it_knows_and_then_everything() -> None:
    registry = CollectorRegistry()
    telemetry = Telemetry(registry)
    assert _runs(registry) == {}
    ended = [_retrain(1, 1, PUBLISHED), _retrain(2, 2, FAILED), _retrain(3, 2, FAILED)]
    telemetry.tell([*ended, _retrain(4, 1, RUNNING)], 9 * DAY, 0)
    assert {key: number for key, number in _runs(registry).items() if number} == {
        ("1", "published"): 1,
        ("2", "failed"): 2,
    }


def _told(*retrains: Retrain, due: int | None = 50 * SECOND, backlog: int = 2) -> CollectorRegistry:
    registry = CollectorRegistry()
    Telemetry(registry).tell(retrains, due, backlog)
    return registry


def test_the_last_run_its_duration_and_the_next_one_are_told() -> None:
    registry = _told(FIRST, SECOND_ONE, FAILURE, AT_WORK)
    assert registry.get_sample_value("retrain_last_run_timestamp_seconds", {"label": "1"}) == 14
    assert registry.get_sample_value("retrain_last_run_timestamp_seconds", {"label": "2"}) == 31
    assert registry.get_sample_value("retrain_duration_seconds") == 1
    assert registry.get_sample_value("retrain_next_run_timestamp_seconds") == 50
    assert registry.get_sample_value("provenance_backlog") == 2


def test_the_gates_last_figures_stay_when_a_later_attempt_measured_nothing() -> None:
    registry = _told(FIRST, SECOND_ONE, FAILURE)
    for label in "12":
        measured = {"label": label, "name": "recall_recipe"}
        assert registry.get_sample_value("gate_figures", measured) == 0.25
        assert registry.get_sample_value("gate_figures", measured | {"name": NEWEST}) is None


def test_before_the_first_retrain_there_is_no_next_one_and_no_last_one() -> None:
    registry = _told(due=None, backlog=0)
    assert str(registry.get_sample_value("retrain_next_run_timestamp_seconds")) == "nan"
    assert registry.get_sample_value("retrain_duration_seconds") is None


def test_it_says_while_a_model_is_made() -> None:
    registry = CollectorRegistry()
    telemetry = Telemetry(registry)
    telemetry.running(True)
    assert registry.get_sample_value("retrain_running") == 1
    telemetry.running(False)
    assert registry.get_sample_value("retrain_running") == 0
