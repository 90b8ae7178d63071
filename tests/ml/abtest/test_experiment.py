from collections.abc import Mapping

import pytest

from ml.abtest import experiment as experiments
from movielog.events import DAY
from store.port import ModelRef, Route, StoreError, Window

A, B, C = (ModelRef(f"KNN_1_2022-04-0{n}", str(n) * 64) for n in (1, 2, 3))
DAYS = 100 * DAY


def _ledger(*tables: Mapping[int, ModelRef]) -> list[Route]:
    """A route a day, from day 100 on."""
    return [
        Route(number, DAYS + number * DAY, table, "publish", "ada", "")
        for number, table in enumerate(tables, 1)
    ]


def test_an_experiment_began_when_an_arm_last_got_another_model() -> None:
    found = experiments.under_way(_ledger({1: A}, {1: A, 2: B}, {1: A, 2: C}, {1: A, 2: C}))
    assert (found.since, found.models) == (DAYS + 3 * DAY, {1: A, 2: C})


def test_an_arm_without_a_model_of_its_own_has_the_other_ones() -> None:
    assert experiments.under_way(_ledger({1: A})).models == {1: A, 2: A}


def test_without_any_model_there_is_no_experiment() -> None:
    with pytest.raises(StoreError, match="no model serves yet"):
        experiments.under_way([])


@pytest.mark.parametrize(
    ("tables", "before"),
    [
        ([{1: A, 2: B}], Window(DAYS + DAY - experiments.LONGEST_BEFORE, DAYS + DAY)),
        ([{1: A}, {1: A, 2: B}], Window(DAYS + 2 * DAY - experiments.LONGEST_BEFORE, DAYS + 2 * DAY)),
        ([{1: A, 2: B}, {1: B, 2: B}, {1: B, 2: C}], Window(DAYS + 2 * DAY, DAYS + 3 * DAY)),
        ([{1: A}, {1: A, 2: B}, {1: C, 2: B}], None),
    ],
    ids=["no model", "one model", "since a promotion", "two models"],
)
def test_before_is_the_time_in_which_all_were_served_alike(
    tables: list[Mapping[int, ModelRef]], before: Window | None
) -> None:
    assert experiments.under_way(_ledger(*tables)).before == before


def test_of_the_past_counts_what_served_then() -> None:
    ledger = _ledger({1: A}, {1: A, 2: B}, {1: A, 2: C})
    found = experiments.since(ledger, DAYS + 2 * DAY + 5)
    assert (found.since, found.models, found.before) == (DAYS + 2 * DAY + 5, {1: A, 2: B}, None)
    with pytest.raises(StoreError, match=r"nothing served yet.*from 1970-04-12"):
        experiments.since(ledger, DAYS)


def test_changes_of_models_meanwhile_are_told() -> None:
    ledger = _ledger({1: A, 2: B}, {1: A, 2: B}, {1: A, 2: C}, {1: C, 2: C})
    window = Window(DAYS + DAY, DAYS + 4 * DAY)
    assert [route.number for route in experiments.changes_within(ledger, window)] == [3]


def test_the_same_models_in_another_experiment_have_another_name() -> None:
    once, again = (experiments.since(_ledger({1: A, 2: B}), DAYS + DAY + later) for later in (0, 1))
    assert (
        once.name
        == "KNN_1_2022-04-01@111111111111 against KNN_1_2022-04-02@222222222222 since 1970-04-12T00:00:00"
    )
    assert once.name != again.name
