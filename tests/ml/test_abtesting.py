"""The command as it is typed, on a store of its own."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ml import ABtesting
from store.sqlite import SqliteStore
from tests.ml.abtest.world import HOUR, SINCE, SPLIT, live, serve

ROOT = Path(__file__).parents[2]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SqliteStore:
    """Two hours of an experiment in which arm 2 is better, and what was before."""
    monkeypatch.setenv("STORE_URL", f"sqlite://{tmp_path}/marquee.db")
    monkeypatch.setenv("SPLIT", SPLIT)
    monkeypatch.chdir(tmp_path)
    store = SqliteStore(str(tmp_path / "marquee.db"))
    serve(store)
    live(store, SINCE - 4 * HOUR, SINCE, users=200, seed=2)
    live(store, SINCE, SINCE + 2 * HOUR, users=200, follow=(0.2, 0.7))
    return store


def test_past_days_are_compared_at_once(
    store: SqliteStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ABtesting.main(["--since", "2022-04-08T09:00", "--out", "results"]) == 0
    said = capsys.readouterr().out
    assert said.count("VERDICT  new is better in record accuracy") == 1
    assert "is not the verdict" in said
    assert {each.name for each in (tmp_path / "results").iterdir()} >= {
        "experiment.json",
        "experiment.csv",
        "experiment.html",
        "experiment-record_accuracy.png",
    }
    assert len(store.evaluations()) == 2


@pytest.mark.usefixtures("store")
def test_up_to_a_time_it_sees_nothing_of_later(tmp_path: Path) -> None:
    assert ABtesting.main(["--until", "2022-04-08T09:29", "--every", "10m"]) == 0
    looks = json.loads((tmp_path / "experiment.json").read_text())["looks"]
    assert [look["until"][-8:] for look in looks] == ["09:10:00", "09:20:00", "09:30:00"]


def test_it_follows_the_events_and_prints_the_tables_as_they_grow(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    begin = SINCE + 2 * HOUR
    hours = iter(range(9))

    def pass_on(_: float) -> None:
        hour = next(hours)
        live(store, begin + hour * HOUR, begin + (hour + 1) * HOUR, users=200, follow=(0.2, 0.7), seed=hour)

    monkeypatch.setattr(time, "sleep", pass_on)
    assert ABtesting.main(["--hours", "3"]) == 0
    said = capsys.readouterr().out
    assert re.findall(r"look (\d) of 3", said) == ["1", "2", "3"]
    assert "VERDICT  new is better" in said


@pytest.mark.usefixtures("store")
def test_an_interrupt_keeps_what_was_measured(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "ml" / "ABtesting.py"), "--time", "clock", "--every", "1s"]
    process = subprocess.Popen(
        [*command, "--open-ended"],
        cwd=tmp_path,
        env=os.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout and process.stderr
    for line in process.stdout:
        if "VERDICT" in line:
            break
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "what was measured is kept" in err
    assert "written: experiment.json" in out
    assert json.loads((tmp_path / "experiment.json").read_text())["looks"][0]["looks"] is None


@pytest.mark.usefixtures("store")
def test_a_plan_is_made_from_the_traffic_seen(capsys: pytest.CaptureFixture[str]) -> None:
    assert ABtesting.main(["plan", "--effect", "record_accuracy=0.05"]) == 0
    said = capsys.readouterr().out
    assert re.search(r"^record accuracy +0\.\d{4} +0\.05 +[\d,]+ +\d+\.\d$", said, re.MULTILINE)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--every", "soon"], "'soon' is no duration such as 5, 90s, 10m, 2h or 3d"),
        (["--every", "0"], "'0' is no duration"),
        (["--since", "yesterday"], "'yesterday' is no time such as 2022-04-12T15:00"),
        (["plan", "--effect", "clicks=1"], "'clicks=1': expected record_accuracy or"),
        (["plan", "--effect", "record_accuracy=nan"], "expected record_accuracy or"),
    ],
)
def test_a_bad_option_is_named_with_what_is_expected(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        ABtesting.main(arguments)
    assert said in capsys.readouterr().err


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--since", "2022-04-01"], "nothing served yet at 2022-04-01T00:00:00"),
        (["--since", "2022-04-09"], "the experiment begins at 2022-04-09T00:00:00, and no later events"),
    ],
)
def test_a_time_without_an_experiment_ends_with_the_reason(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ABtesting.main(arguments) == 2
    assert said in capsys.readouterr().err


@pytest.mark.usefixtures("store")
def test_it_says_what_a_reader_should_know_first(capsys: pytest.CaptureFixture[str]) -> None:
    long = ["--since", "2022-04-07T10:00", "--every", "12h"]
    assert ABtesting.main(long) == 0
    assert "both arms have the same model" in capsys.readouterr().out
    assert ABtesting.main(long) == 0
    said = capsys.readouterr().out
    assert "publish of 2022-04-08T09:00:00 changed a model meanwhile" in said
    assert re.search(r"looked at \d+ times before", said)
