import pytest

from ml.abtest import plan, tables
from ml.experiment.inference import METRICS, NotEnoughDataError
from ml.experiment.planning import users_for
from ml.experiment.sequential import Planned
from movielog.events import DAY
from store.port import StoreError, Window
from tests.fakes import MemoryStore
from tests.ml.abtest.world import HOUR, SINCE, live, serve


def _nobody(_: float) -> None:
    """Nobody listens."""


@pytest.fixture(scope="module")
def store() -> MemoryStore:
    store = MemoryStore()
    serve(store)
    live(store, SINCE - DAY, SINCE, users=300, seed=2)
    live(store, SINCE, SINCE + DAY, users=500)
    return store


def test_users_are_those_of_the_formula_and_days_those_until_so_many_have_come(store: MemoryStore) -> None:
    seen = plan.traffic(store, plan.lately(store, 7), _nobody)
    found = plan.needs(seen, {"record_accuracy": 0.02}, 0.5, 5)
    assert [need.effect for need in found] == [0.02, 0.01, 0.05, 0.05]
    for metric, need in zip(METRICS, found, strict=True):
        assert need.users == users_for(metric, need.effect, seen.seen, 0.5, Planned(5, 5))
    new_a_day = (seen.reached[-1] - seen.reached[-2]) / (seen.unit / DAY)
    first = found[0]
    assert first.users and first.days
    assert first.days == pytest.approx(2 + (first.users - seen.reached[-1]) / new_a_day, abs=1.1)


def test_cumulative_users_are_counted_once_each(store: MemoryStore) -> None:
    seen = plan.traffic(store, Window(SINCE - DAY, SINCE + DAY), _nobody)
    for number, reached in enumerate(seen.reached, start=1):
        end = SINCE - DAY + round(number * seen.unit)
        assert reached == store.requests(Window(SINCE - DAY, end))["user"].nunique()


def test_traffic_is_looked_at_since_a_model_served_and_for_so_many_days(store: MemoryStore) -> None:
    end = (store.newest() or 0) + 1
    assert plan.lately(store, 7) == Window(SINCE - DAY, end)
    assert plan.lately(store, 0.5) == Window(end - DAY // 2, end)


def test_without_a_model_or_a_request_it_says_so() -> None:
    store = MemoryStore()
    with pytest.raises(StoreError, match="no model serves yet"):
        plan.lately(store, 7)
    with pytest.raises(NotEnoughDataError, match="nobody was recommended anything"):
        plan.traffic(store, Window(SINCE, SINCE + HOUR), _nobody)


def test_the_plan_names_what_it_reckons_with_and_what_cannot_be_planned() -> None:
    store = MemoryStore()
    serve(store)
    live(store, SINCE, SINCE + DAY // 2, users=60)
    seen = plan.traffic(store, plan.lately(store, 0.4), _nobody)
    text = tables.plan(seen, plan.needs(seen, {}, 0.5, 5), 0.5)
    assert "less than a week was seen" in text
    assert "average top rating: an arm has data of" in text
