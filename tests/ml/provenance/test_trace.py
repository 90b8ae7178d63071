"""What a trace says, and that it says what is recorded and what is inferred."""

from dataclasses import replace
from functools import partial

from ml.provenance.records import record
from ml.provenance.trace import source, text, trace
from movielog.events import SECOND
from store.port import Answer, Batch, ModelRef, Store
from tests.ml.provenance.world import ARM, HOUR, NOON, SPLIT, Past, line_of, some_answers
from tests.service.world import USERS

OF_ARM_1 = next(user for user in USERS if ARM(user) == 1)
OF_ARM_2 = next(user for user in USERS if ARM(user) == 2)


def _answer(ref: ModelRef, time: int, user: int = OF_ARM_2) -> Answer:
    return Answer(time, user, ARM(user), ref, "recent", ("a", "b"), {"c": 0.25})


def _said(past: Past, store: Store, time: int, user: int = OF_ARM_2, split: str = SPLIT) -> str:
    return text(trace(store, partial(source, past.archive()), split, user, time))


def test_a_recorded_answer_is_traced_to_all_that_made_it(past: Past, store: Store) -> None:
    answer = _answer(past.late, NOON + HOUR + 60 * SECOND)
    store.record_answers([answer])
    store.record(Batch(requests=[line_of(answer)]))
    said = _said(past, store, answer.time)
    known = record(past.archive(), past.late)
    for fact in (
        "recorded    by the service",
        "these movies",
        f"2: the split {SPLIT} puts user {OF_ARM_2} there",
        f"{past.late.name}, SHA-256 {past.late.digest}",
        "2 since 2022-01-18T13:00:00Z until 2022-01-18T14:00:00Z: publish by ada: reason 2",
        f"tag {past.late.name}@{past.late.digest[:16]}, commit {known.commit[:12]}",
        "2022-01-13T00:00:00+00:00 to 2022-01-18T00:00:00+00:00",
        known.data["commit"],
        f"numba {known.data['libraries']['numba']}",
        "neighbours 20",
        f"sha256 {known.data['snapshot']['sha256']}",
        *(f"MD5 {file.md5}, {file.size:,} bytes" for file in known.files),
        "recent",
        "c 0.25",
        "a, b",
    ):
        assert fact in said
    assert "inferred" not in said


def test_all_models_of_many_answers_are_those_recorded_also_of_one_name(past: Past, store: Store) -> None:
    spans = zip(past.refs, range(3), strict=True)
    answers = [one for ref, n in spans for one in some_answers(past, ref, NOON + n * HOUR, seed=n)]
    store.record_answers(answers)
    for answer in answers[::7]:
        found = trace(store, partial(source, past.archive()), SPLIT, answer.user, answer.time)
        assert found.served.answer == answer
        assert found.models == [answer.model]


def test_what_only_the_log_knows_is_said_to_be_inferred(past: Past, store: Store) -> None:
    lost = line_of(_answer(past.late, NOON + HOUR + 60 * SECOND))
    store.record(Batch(requests=[lost]))
    said = _said(past, store, lost.time)
    assert "recorded    only by the log" in said
    assert "inferred    arm, from the split rule; model, from the routes" in said
    assert past.late.digest in said
    assert "rung" not in said
    assert "a, b" in said


def test_near_a_change_of_routes_an_inferred_model_is_one_of_two(past: Past, store: Store) -> None:
    lost = line_of(_answer(past.later, NOON + 2 * HOUR))
    store.record(Batch(requests=[lost]))
    said = _said(past, store, lost.time)
    assert "either of these" in said
    assert past.late.digest in said
    assert past.later.digest in said


def test_a_replica_that_had_not_followed_yet_is_explained(past: Past, store: Store) -> None:
    answer = _answer(past.late, NOON + 2 * HOUR + SECOND // 2)
    store.record_answers([answer])
    said = _said(past, store, answer.time)
    assert "which was 0.500 s old and names another model for arm 2" in said
    assert "still followed route 2" in said
    assert "2 since" in said
    assert "3 since" in said


def test_a_stand_in_is_no_contradiction_to_the_route(past: Past, store: Store) -> None:
    store.record_answers([_answer(past.early, NOON + 1)])
    assert "names another model" not in _said(past, store, NOON + 1)


def test_an_answer_from_before_the_first_route_says_so(past: Past, store: Store) -> None:
    store.record_answers([_answer(past.early, NOON - 60 * SECOND)])
    said = _said(past, store, NOON - 60 * SECOND)
    assert "none was in force: the first one is of 2022-01-18T12:00:00Z" in said
    assert past.early.digest in said


def test_a_lost_answer_from_before_the_first_route_has_no_model(past: Past, store: Store) -> None:
    lost = line_of(_answer(past.early, NOON - 60 * SECOND))
    store.record(Batch(requests=[lost]))
    assert "none can be named: no route was in force" in _said(past, store, lost.time)


def test_a_split_that_was_changed_since_is_noticed(past: Past, store: Store) -> None:
    answer = _answer(past.late, NOON + HOUR + 60 * SECOND)
    store.record_answers([answer])
    said = _said(past, store, answer.time, split="hash:marquee:0")
    assert (
        f"2: the split hash:marquee:0 puts user {OF_ARM_2} into arm 1, so another split was set then" in said
    )


def test_a_model_published_by_hand_without_a_run_is_said_to_have_none(past: Past, store: Store) -> None:
    by_hand = replace(_answer(past.late, NOON + HOUR), model=ModelRef("KNN_2_2022-01-19", "e" * 64))
    store.record_answers([by_hand])
    said = _said(past, store, by_hand.time)
    assert "run         unknown: no tracked run" in said
    assert "no earlier route names this one: the ledger does not explain it" in said


def test_without_a_repository_the_rest_is_still_told(past: Past, store: Store) -> None:
    store.record_answers([_answer(past.early, NOON + 1, OF_ARM_1)])
    said = text(trace(store, partial(source, "/none is no provenance repository"), SPLIT, OF_ARM_1, NOON + 1))
    assert "run         unknown: /none is no provenance repository" in said
    assert "1 since" in said
