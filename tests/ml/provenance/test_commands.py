"""What users type, what they read, and the exit status."""

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from ml.provenance.__main__ import main
from movielog.events import SECOND
from movielog.times import iso
from store.port import Answer, Batch, ModelRef, Store
from tests.ml.provenance.world import HOUR, NOON, SPLIT, Past, flip, line_of, some_answers, stored

ANSWERS = 60


@pytest.fixture
def answers(past: Past, store: Store, monkeypatch: pytest.MonkeyPatch) -> list[Answer]:
    """Answers of all three models, in a store and with a repository that the environment names."""
    monkeypatch.setenv("STORE_URL", f"sqlite://{past.folder}/marquee.db")
    monkeypatch.setenv("PROVENANCE", str(past.repository))
    monkeypatch.setenv("SPLIT", SPLIT)
    answers = [
        one for n, ref in enumerate(past.refs) for one in some_answers(past, ref, NOON + n * HOUR, n, ANSWERS)
    ]
    store.record_answers(answers)
    return answers


def _of(answer: Answer) -> list[str]:
    return ["--user", str(answer.user), "--at", iso(answer.time)]


def _last(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().out.splitlines()[-1]


def test_trace_names_the_model_and_its_run(
    past: Past, answers: list[Answer], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["trace", *_of(answers[-1])]) == 0
    said = capsys.readouterr().out
    assert f"{past.later.name}, SHA-256 {past.later.digest}" in said
    assert ", ".join(answers[-1].movies) in said


def test_a_minute_stands_for_all_of_it(answers: list[Answer], capsys: pytest.CaptureFixture[str]) -> None:
    last = max((one for one in answers if one.time < NOON + 60 * SECOND), key=lambda one: one.time)
    assert main(["trace", "--user", str(last.user), "--at", "2022-01-18T12:00"]) == 0
    assert iso(last.time) in capsys.readouterr().out


def test_an_answer_made_again_is_identical(answers: list[Answer], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reproduce", *_of(answers[0])]) == 0
    assert _last(capsys) == "identical"


def test_a_model_trained_again_is_identical(
    answers: list[Answer], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["retrain", *_of(answers[-1])]) == 0
    assert _last(capsys) == "identical"


@pytest.mark.usefixtures("answers")
def test_many_answers_are_made_again_with_a_line_for_each_model(
    past: Past, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["reproduce", "--since", "2022-01-18"]) == 0
    *lines, last = capsys.readouterr().out.splitlines()
    assert last == "identical"
    assert [re.search(r"@(\w+): .* (\d+) answers: identical", line).groups() for line in lines] == [
        (ref.digest[:16], str(ANSWERS)) for ref in sorted(past.refs)
    ]


@pytest.mark.usefixtures("answers")
def test_a_sample_is_the_same_for_the_same_seed_and_no_larger_than_there_is(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def sampled(*more: str) -> list[int]:
        assert main(["reproduce", "--since", "2022-01-18", "--until", "2022-01-18T13:59", *more]) == 0
        return [int(count) for count in re.findall(r"(\d+) answers", capsys.readouterr().out)]

    assert sum(sampled("--sample", "50")) == 50
    assert sampled("--sample", "50") == sampled("--sample", "50", "--seed", "1")
    assert sum(sampled("--sample", "5000")) == 2 * ANSWERS


def test_all_works_in_a_fresh_clone_with_the_remote_alone(
    past: Past, answers: list[Answer], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", str(past.repository), str(clone)], check=True)
    shutil.rmtree(past.repository)
    for command in ("trace", "reproduce", "retrain"):
        assert main([command, *_of(answers[-1]), "--repository", str(clone)]) == 0
    assert _last(capsys) == "identical"


def test_an_answer_that_was_tampered_with_is_told_item_by_item(
    store: Store, answers: list[Answer], capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = replace(answers[0], time=answers[0].time + 1, movies=("not+this+one", *answers[0].movies[1:]))
    store.record_answers([wrong])
    assert main(["reproduce", *_of(wrong)]) == 1
    said = capsys.readouterr().out
    assert "place 1: answered not+this+one, now " in said
    assert said.endswith("not identical\n")


def test_damage_in_the_remote_is_a_difference(
    past: Past, answers: list[Answer], capsys: pytest.CaptureFixture[str]
) -> None:
    flip(stored(past, past.later, "ratings.csv"), seed=1)
    assert main(["reproduce", *_of(answers[-1])]) == 1
    assert "ratings.csv: MD5" in capsys.readouterr().out


def test_a_remote_that_is_away_is_an_error_and_no_difference(
    past: Past, answers: list[Answer], capsys: pytest.CaptureFixture[str]
) -> None:
    past.remote.rename(past.folder / "away")
    assert main(["reproduce", *_of(answers[0])]) == 2
    assert "cannot be had from the DVC remote" in capsys.readouterr().err
    assert main(["reproduce", *_of(answers[0]), "--remote", str(past.folder / "away")]) == 0


def test_a_model_published_by_hand_cannot_be_made_again(
    store: Store, answers: list[Answer], capsys: pytest.CaptureFixture[str]
) -> None:
    by_hand = replace(answers[0], time=NOON + 5 * HOUR, model=ModelRef("KNN_1_2022-01-12", "d" * 64))
    store.record_answers([by_hand])
    for command in ("reproduce", "retrain"):
        assert main([command, *_of(by_hand)]) == 2
        assert "no tracked run" in capsys.readouterr().err


def test_what_only_the_log_knows_is_made_again_from_what_is_likely(
    past: Past, store: Store, capsys: pytest.CaptureFixture[str], answers: list[Answer]
) -> None:
    user = next(
        one.user for one in answers if one.model == past.later and one.arm == 2 and one.rung == "popular"
    )
    movies, rung = past.model(past.later).recommend(user, {})
    lost = line_of(Answer(NOON + 3 * HOUR, user, 2, past.later, rung, movies))
    store.record(Batch(requests=[lost, lost._replace(time=NOON + 4 * HOUR, movies=("a", "b"))]))
    for command in ("trace", "reproduce", "retrain"):
        assert main([command, "--user", str(user), "--at", iso(lost.time)]) == 0
    said = capsys.readouterr().out
    assert "recorded    only by the log" in said
    assert "record of this answer is missing" in said
    assert main(["reproduce", "--user", str(user), "--at", "2022-01-18T16:00:01"]) == 1
    assert "not identical" in _last(capsys)


@pytest.mark.usefixtures("answers")
def test_a_user_without_answers_is_told_so(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("trace", "reproduce", "retrain"):
        assert main([command, "--user", "31", "--at", "2001-01-01T00:00"]) == 2
        assert "user 31 was answered nothing up to 2001-01-01T00:00:59.999999999" in capsys.readouterr().err
    assert main(["reproduce", "--since", "2001-01-01", "--until", "2001-01-02"]) == 2
    assert "recorded no answer in that time" in capsys.readouterr().err


def test_without_a_repository_an_answer_is_traced_as_far_as_the_store_knows(
    answers: list[Answer], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nowhere = ["--repository", str(tmp_path / "nowhere")]
    assert main(["trace", *_of(answers[0]), *nowhere]) == 0
    assert "no provenance repository" in capsys.readouterr().out
    assert main(["reproduce", *_of(answers[0]), *nowhere]) == 2
    assert "no provenance repository" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["trace"],
        ["trace", "--user", "1"],
        ["reproduce"],
        ["trace", "--user", "-1", "--at", "2022-04-12"],
        ["trace", "--user", "1", "--at", "yesterday"],
        ["reproduce", "--since", "2022-04-12", "--sample", "0"],
        ["retrain", "--since", "2022-04-12"],
    ],
)
def test_bad_arguments_are_named(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    assert "error:" in capsys.readouterr().err
