"""How many answers are recorded and how many are not, against the join of single users."""

import random

import pytest

from ml.provenance.__main__ import main
from ml.provenance.account import Account, account, text
from ml.provenance.served import served
from ml.split import parse_split
from movielog.events import DAY, SECOND, Requested
from store.port import Answer, Batch, ModelRef, Route, Store, Window
from tests.fakes import MemoryStore

OLD, NEW = ModelRef("KNN_1_2022-04-08", "a" * 64), ModelRef("KNN_2_2022-04-12", "b" * 64)
SPLIT = parse_split("hash:marquee:100")
START = 19_090 * DAY
NOON = START + DAY // 2


def _world(seed: int) -> Store:
    """Answers, some of them unrecorded, some unknown to the log; routes of the morning and of noon."""
    chance, store = random.Random(seed), MemoryStore()
    store.add_route(Route(1, START + 3600 * SECOND, {2: OLD}, "publish", "ada", "first"))
    store.add_route(Route(2, NOON, {2: NEW}, "publish", "ada", "second"))
    answers, lines = [], []
    for number in range(300):
        time, user = START + chance.randrange(DAY), chance.randrange(40)
        movies = (f"m{number}", "x")
        if chance.random() < 0.8:
            answers.append(Answer(time, user, 2, OLD, "knn", movies))
        if chance.random() < 0.8:
            late = chance.choice([0, SECOND // 10, SECOND, 30 * SECOND])
            lines.append(Requested(time + late, user, "s", chance.choice([200, 200, 500]), movies, "", 20))
    store.record_answers(answers)
    store.record(Batch(requests=lines))
    return store


@pytest.mark.parametrize("seed", range(5))
def test_an_account_agrees_with_the_joins_of_all_users(seed: int) -> None:
    store, window = _world(seed), Window(START + DAY // 4, START + DAY)
    each = [one for user in range(40) for one in served(store, user, window)]
    lines = [one for one in each if one.request and window.start <= one.request.time < window.end]
    found = account(store, SPLIT, window)
    assert found.requests == len(lines)
    assert found.recorded == sum(one.answer is not None for one in lines)
    assert found.answers == sum(one.answer is not None for one in each)
    assert 0 < found.recorded < found.requests


def test_what_is_not_recorded_is_sorted_by_what_the_routes_leave_possible() -> None:
    store = _world(1)
    times = {"none": START, "one": NOON - 3600 * SECOND, "several": NOON + SECOND}
    lost = [Requested(time, 1000, "s", 200, ("a",), "", 9) for time in times.values()]
    before = account(store, SPLIT, Window(START, START + DAY))
    store.record(Batch(requests=lost))
    after = account(store, SPLIT, Window(START, START + DAY))
    assert (after.none, after.one, after.several) == (before.none + 1, before.one + 1, before.several + 1)
    assert after.recorded == before.recorded


def test_one_answer_accounts_for_one_line_only() -> None:
    store = MemoryStore()
    line = Requested(START, 1, "s", 200, ("a",), "", 9)
    store.record_answers([Answer(START, 1, 2, OLD, "knn", ("a",))])
    store.record(Batch(requests=[line, line._replace(time=START + 1)]))
    assert account(store, SPLIT, Window(START, START + 10)) == Account(1, 1, 0, 0, 1)


def test_an_empty_store_has_nothing_to_account_for() -> None:
    assert account(MemoryStore(), SPLIT, Window(0, DAY)) == Account(0, 0, 0, 0, 0)


def test_an_account_is_told_in_whole_sentences() -> None:
    said = text(Account(1_200, 1_000, 30, 20, 10)).splitlines()
    assert said[0].strip() == "1,060 requests were answered, as the log tells"
    assert [line.split()[0] for line in said] == ["1,060", "1,000", "30", "20", "10", "1,200"]


def test_the_command_needs_a_time(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["account"])
    assert "account needs --since" in capsys.readouterr().err


def test_two_equal_answers_within_a_moment_account_for_two_lines() -> None:
    store = MemoryStore()
    line = Requested(START + 92, 1, "s", 200, ("a",), "", 94)
    store.record_answers([Answer(START + at, 1, 2, OLD, "knn", ("a",)) for at in (0, 90)])
    store.record(Batch(requests=[line, line._replace(time=START + 350, millis=277)]))
    assert account(store, SPLIT, Window(START, START + 1000)) == Account(2, 2, 0, 0, 0)
