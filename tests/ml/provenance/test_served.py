"""Which answer is meant by a user and a time, and what is known of it."""

import random
from dataclasses import replace
from pathlib import Path

import pytest

from ml.provenance.served import (
    REPLICAS_FOLLOW,
    NoAnswerError,
    Served,
    answer_of,
    find,
    in_force,
    join,
    likely_models,
    rows,
)
from movielog.events import DAY, SECOND, Requested
from movielog.times import instant
from store.port import Answer, Batch, ModelRef, Route, Store, Window
from store.sqlite import SqliteStore
from tests.fakes import MemoryStore

START = instant("2022-04-12T15:08:30")
OLD, NEW = ModelRef("KNN_1_2022-04-08", "a" * 64), ModelRef("KNN_2_2022-04-12", "b" * 64)
ANSWER = Answer(START, 16_635, 2, NEW, "recent", ("a", "b"), {"c": 0.25, "d": 0.0})
LINE = Requested(START + SECOND, 16_635, "team:8082", 200, ("a", "b"), "", 40)
LONG = (0, 61 * SECOND, 5 * 3600 * SECOND, 40 * DAY, 800 * DAY)


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return MemoryStore() if request.param == "memory" else SqliteStore(str(tmp_path / "marquee.db"))


def _other(answer: Answer = ANSWER, **changes: object) -> Answer:
    return replace(answer, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("later", LONG)
def test_the_newest_answer_up_to_a_time_is_found_however_old_it_is(store: Store, later: int) -> None:
    older, other = _other(time=START - 1), _other(user=7, time=START + 1)
    store.record_answers([ANSWER, older, other, _other(time=START + later + 1)])
    assert find(store, 16_635, START + later) == Served(ANSWER, None)


def test_an_answer_comes_with_the_logs_line_of_it(store: Store) -> None:
    store.record_answers([ANSWER])
    store.record(Batch(requests=[LINE, LINE._replace(user=7), LINE._replace(status=500, error="no")]))
    assert find(store, 16_635, START) == Served(ANSWER, LINE)


def test_of_two_replicas_answers_to_one_request_the_one_that_the_caller_got_is_meant(store: Store) -> None:
    second = _other(time=START + SECOND // 2, movies=("b", "a"))
    store.record_answers([ANSWER, second])
    assert find(store, 16_635, START + SECOND).answer == second
    store.record(Batch(requests=[LINE._replace(time=START + 1)]))
    assert find(store, 16_635, START + SECOND).answer == ANSWER


def test_an_answer_long_after_one_that_the_log_tells_of_is_another(store: Store) -> None:
    later = _other(time=START + 2 * SECOND, movies=("b", "a"))
    store.record_answers([ANSWER, later])
    store.record(Batch(requests=[LINE._replace(time=START + 1)]))
    assert find(store, 16_635, START + 3 * SECOND).answer == later


def test_a_line_without_a_record_is_an_answer_that_only_the_log_knows(store: Store) -> None:
    store.record_answers([_other(movies=("a",)), _other(time=START - 60 * SECOND)])
    store.record(Batch(requests=[LINE]))
    assert find(store, 16_635, START + SECOND) == Served(None, LINE)
    assert find(store, 16_635, START).answer == _other(movies=("a",))


def test_a_failed_request_is_no_answer(store: Store) -> None:
    store.record(Batch(requests=[LINE._replace(status=503, movies=(), error="no model")]))
    with pytest.raises(NoAnswerError, match="nothing later"):
        find(store, 16_635, START + DAY)


def test_without_an_answer_the_first_later_one_is_named(store: Store) -> None:
    store.record_answers([_other(time=START + DAY), _other(time=START + 2 * DAY)])
    with pytest.raises(
        NoAnswerError, match=r"user 16635 was .* up to 2022-04-12T15:08:30; .* 2022-04-13T15:08:30"
    ):
        find(store, 16_635, START)
    with pytest.raises(NoAnswerError, match=r"user 8 .* nothing later"):
        find(store, 8, START)


def test_a_record_is_read_back_as_it_was_to_the_last_bit_and_in_order(store: Store) -> None:
    chance = random.Random(3)
    answers = [
        _other(
            time=START + n,
            movies=tuple(chance.sample(["a=b", "é", "c.d", "$x", "o'k"], chance.randrange(5))),
            fresh={
                movie: chance.choice([0.0, chance.random()])
                for movie in chance.sample(["z=1", "a", "m=m=m"], 3)
            },
        )
        for n in range(50)
    ]
    store.record_answers(answers)
    found = sorted(map(answer_of, rows(store.answers(Window(0, 2**62)))), key=lambda each: each.time)
    assert found == answers
    assert [list(each.fresh) for each in found] == [list(each.fresh) for each in answers]


def test_every_answer_and_every_line_is_told_of_once() -> None:
    chance = random.Random(5)
    for _ in range(200):
        times = chance.sample(range(20), 8)
        answers = [_other(time=START + t * SECOND, movies=(chance.choice("ab"),)) for t in times[:5]]
        lines = [LINE._replace(time=START + t * SECOND, movies=(chance.choice("ab"),)) for t in times[3:]]
        found = join(answers, lines)
        assert sorted(each.answer.time for each in found if each.answer) == sorted(a.time for a in answers)
        assert sorted(each.request for each in found if each.request) == sorted(lines)
        for each in found:
            if each.answer and each.request:
                assert each.answer.movies == each.request.movies
                assert abs(each.answer.time - each.request.time) <= 2_040_000_000


def test_of_equal_answers_the_nearest_is_the_one_that_a_line_tells_of() -> None:
    twice = [ANSWER, _other(time=START + 2 * SECOND)]
    assert join(twice, [LINE._replace(time=START + 2 * SECOND)])[0].answer == twice[1]
    assert [each.answer for each in join(twice, [LINE, LINE._replace(time=START + 3 * SECOND)])] == twice


def _route(number: int, time: int, **models: ModelRef) -> Route:
    return Route(number, time, {int(arm[-1]): ref for arm, ref in models.items()}, "publish", "ada", "why")


LEDGER = [_route(1, START - DAY, arm1=OLD), _route(2, START, arm1=OLD, arm2=NEW)]


def test_an_arm_without_a_model_of_its_own_is_answered_by_the_others() -> None:
    long_before = LINE._replace(time=START - 3600 * SECOND)
    assert likely_models(LEDGER, 2, long_before) == [OLD]


def test_long_after_a_change_the_model_is_certain() -> None:
    later = LINE._replace(time=START + REPLICAS_FOLLOW + 3 * SECOND)
    assert likely_models(LEDGER, 2, later) == [NEW]
    assert likely_models(LEDGER, 1, LINE) == [OLD]


def test_near_a_change_both_models_are_likely_the_newer_one_first() -> None:
    for seconds in (-1, 0, 1, REPLICAS_FOLLOW // SECOND):
        assert likely_models(LEDGER, 2, LINE._replace(time=START + seconds * SECOND)) == [NEW, OLD]


def test_before_the_first_route_no_model_is_likely() -> None:
    assert likely_models(LEDGER, 2, LINE._replace(time=START - 2 * DAY)) == []
    assert likely_models([], 2, LINE) == []


def test_routes_in_force_are_those_that_any_moment_of_the_span_had() -> None:
    chance = random.Random(11)
    ledger = [
        _route(n, START + time, arm1=OLD) for n, time in enumerate(sorted(chance.sample(range(100), 9)))
    ]
    for _ in range(100):
        since, until = sorted(START + chance.randrange(-10, 110) for _ in "ab")
        before = [[r.number for r in ledger if r.time <= time] for time in range(since, until + 1)]
        expected = sorted({numbers[-1] for numbers in before if numbers})
        assert [route.number for route in in_force(ledger, since, until)] == expected
