"""What Prometheus is told of retrains."""

from prometheus_client import CollectorRegistry

from ml.retraining.telemetry import Telemetry
from movielog.events import DAY
from store.port import FAILED, PUBLISHED, REFUSED, RUNNING, Retrain, Window


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
