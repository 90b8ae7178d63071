"""Answers made again: identical where all is as it was, and every kind of damage found."""

import random
from collections.abc import Callable
from dataclasses import replace

import pytest

from ml.provenance.archive import Archive, NoRunError
from ml.provenance.reproduce import compare, reproduce, reproduce_unrecorded
from ml.provenance.served import Served, answer_of, likely_models, rows
from ml.tracking import TrackingError
from movielog.events import SECOND
from store.port import Answer, ModelRef, Seen, Store, Window
from tests.ml.provenance.world import HOUR, NOON, Past, flip, line_of, some_answers, stored


def _answers(past: Past) -> list[Answer]:
    return [
        one for n, ref in enumerate(past.refs) for one in some_answers(past, ref, NOON + n * HOUR, seed=n)
    ]


def test_answers_of_every_rung_are_identical_after_they_were_in_the_store(past: Past, store: Store) -> None:
    answers = _answers(past)
    assert {answer.rung for answer in answers} == {"knn", "recent", "popular"}
    assert any(answer.rung == "popular" and answer.fresh for answer in answers)
    store.record_answers(answers)
    read = [answer_of(row) for row in rows(store.answers(Window(0, 2**62)))]
    found = list(reproduce(past.archive(), read))
    assert [(each.model, each.answers, list(each.differences)) for each in found] == [
        (ref, 60, []) for ref in sorted(past.refs)
    ]


def test_each_model_is_fetched_once(untouched: Past, monkeypatch: pytest.MonkeyPatch) -> None:
    fetched: list[str] = []
    fetch = Archive.fetch
    monkeypatch.setattr(
        Archive, "fetch", lambda self, tag, to: (fetched.append(tag), fetch(self, tag, to))[1]
    )
    answers = _answers(untouched)
    random.Random(1).shuffle(answers)
    assert sum(each.answers for each in reproduce(untouched.archive(), answers)) == 180
    assert len(fetched) == len(set(fetched)) == 3


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda a: {"movies": (a.movies[1], a.movies[0], *a.movies[2:])}, "place 1: answered"),
        (lambda a: {"movies": a.movies[:-1]}, "place 20: answered nothing, now "),
        (lambda a: {"movies": (*a.movies, "one+more")}, "place 21: answered one+more, now nothing"),
        (lambda _: {"rung": "popular"}, "rung: answered popular, now knn"),
        (lambda a: {"fresh": dict.fromkeys(a.movies[:1], 0.0)}, "place 1: answered"),
    ],
)
def test_whatever_was_answered_otherwise_is_told_item_by_item(
    untouched: Past, change: Callable[[Answer], dict[str, object]], said: str
) -> None:
    answer = next(one for one in some_answers(untouched, untouched.late, NOON, 4) if one.rung == "knn")
    (line, *_) = compare(untouched.model(untouched.late), replace(answer, **change(answer)))  # type: ignore[arg-type]
    assert f"user {answer.user} at 2022-01-18T12:00:" in line
    assert said in line


@pytest.mark.parametrize("part", ["ratings.csv", "data.json"])
def test_a_flipped_bit_in_what_the_model_was_made_from_is_named(past: Past, part: str) -> None:
    flip(stored(past, past.late, part), seed=8)
    (found,) = reproduce(past.archive(), some_answers(past, past.late, NOON, 1))
    (difference,) = found.differences
    assert f"{past.late.name}/{part}: MD5" in difference


def test_a_flipped_bit_in_any_file_of_the_model_is_found(past: Past) -> None:
    files = [file for file in past.remote.rglob("*") if file.is_file() and file.suffix != ".dir"]
    wanted = {file.read_bytes() for file in (past.folder / "kept" / past.late.digest).iterdir()}
    of_model = [file for file in files if file.read_bytes() in wanted]
    assert len(of_model) == 9
    for number, file in enumerate(of_model):
        whole = file.read_bytes()
        flip(file, number)
        (found,) = reproduce(past.archive(), some_answers(past, past.late, NOON, 1, count=2))
        assert any("/model: MD5" in line for line in found.differences), file
        file.write_bytes(whole)


def test_a_file_that_is_gone_from_the_remote_cannot_be_made_up_for(past: Past) -> None:
    stored(past, past.late, "ratings.csv").unlink()
    with pytest.raises(TrackingError, match=f"{past.late.name}.*cannot be had from the DVC remote"):
        list(reproduce(past.archive(), some_answers(past, past.late, NOON, 1)))


def test_a_model_of_another_digest_under_the_same_tag_is_found_out(untouched: Past) -> None:
    ref = ModelRef(untouched.late.name, untouched.late.digest[:16] + "0" * 48)
    (found,) = reproduce(
        untouched.archive(), [replace(some_answers(untouched, untouched.late, NOON, 1)[0], model=ref)]
    )
    assert f"SHA-256 is not {ref.digest}" in found.differences[0]


def test_answers_of_a_model_without_a_run_cannot_be_made_again(untouched: Past) -> None:
    by_hand = ModelRef("KNN_1_2022-04-08", "c" * 64)
    with pytest.raises(NoRunError, match="no tracked run"):
        list(reproduce(untouched.archive(), [replace(_answers(untouched)[0], model=by_hand)]))


def _lost(past: Past, ref: ModelRef, time: int, history: list[Seen], user: int = 10**9) -> Served:
    """An answer to a user of arm 2 that only the log knows."""
    model = past.model(ref)
    movies, rung = model.recommend(user, model.fresh(user, history))
    return Served(None, line_of(Answer(time, user, 2, ref, rung, movies)))


BEFORE = Seen("movie+3+1953", NOON, 90, 5.0)


def test_an_unrecorded_answer_is_found_among_the_likely_models(untouched: Past) -> None:
    store = untouched.store()
    lost = _lost(untouched, untouched.late, NOON + 2 * HOUR, [BEFORE])
    after = Seen("movie+4+1954", lost.time + SECOND, 90, 5.0)
    models = likely_models(store.routes(), 2, lost.asked)
    first, second = reproduce_unrecorded(untouched.archive(), lost, models, [BEFORE, after])
    assert (first.model, second.model) == (untouched.later, untouched.late)
    assert first.differences
    assert not second.differences


def test_an_unrecorded_answer_given_while_the_store_was_away_is_found_too(untouched: Past) -> None:
    lost = _lost(untouched, untouched.late, NOON + HOUR, [])
    (found,) = reproduce_unrecorded(untouched.archive(), lost, [untouched.late], [BEFORE])
    assert not found.differences


def test_an_unrecorded_answer_that_no_likely_model_gives_is_different(untouched: Past) -> None:
    lost = _lost(untouched, untouched.early, NOON + HOUR, [BEFORE])
    (found,) = reproduce_unrecorded(untouched.archive(), lost, [untouched.late], [BEFORE])
    assert found.differences
