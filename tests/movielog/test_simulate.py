"""The commands of the virtual audience, as they are typed."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from movielog.events import DAY, Rated, Requested, Watched
from movielog.parse import MalformedLine, parse_line
from movielog.simulate import main

SMALL = ["--users", "100", "--movies", "50"]


def test_history_writes_the_same_lines_for_the_same_seed(tmp_path: Path) -> None:
    for name in ("one", "two"):
        span = ["--days", "3", "--until", "2022-04-09"]
        assert main(["history", "--log", f"file://{tmp_path}/{name}", *span, *SMALL]) == 0
    lines = (tmp_path / "one").read_bytes()
    assert lines == (tmp_path / "two").read_bytes()
    events = [parse_line(line) for line in lines.splitlines()]
    assert {type(event) for event in events} == {Watched, Rated}
    assert {event.time // DAY for event in events} == {19_088, 19_089, 19_090}


def test_history_mixes_damaged_lines_in(tmp_path: Path) -> None:
    assert main(["history", "--log", f"file://{tmp_path}/log", "--damaged", "0.1", *SMALL]) == 0
    lines = (tmp_path / "log").read_bytes().splitlines()
    assert sum(map(_is_damaged, lines)) / len(lines) == pytest.approx(0.1, abs=0.01)


def _is_damaged(line: bytes) -> bool:
    try:
        parse_line(line)
    except MalformedLine:
        return True
    return False


def test_an_audience_can_be_learned_from_a_movielens_folder(tmp_path: Path) -> None:
    (tmp_path / "movies.csv").write_text(
        "movieId,title\n" + "".join(f"{i},Film {i} (1990)\n" for i in range(30))
    )
    rows = "".join(
        f"{user},{(user * 7 + i) % 30},{i % 5 + 1},{i}\n" for user in range(40, 60) for i in range(9)
    )
    (tmp_path / "ratings.csv").write_text("userId,movieId,rating,timestamp\n" + rows)
    assert main(["history", "--log", f"file://{tmp_path}/log", "--movielens", str(tmp_path)]) == 0
    events = [parse_line(line) for line in (tmp_path / "log").read_bytes().splitlines()]
    assert {event.user for event in events} <= set(range(40, 60))
    rated = {(user, f"film+{(user * 7 + i) % 30}+1990") for user in range(40, 60) for i in range(9)}
    told = {(event.user, event.movie) for event in events if isinstance(event, Watched | Rated)}
    assert told
    assert not told & rated, "what the files hold already happens again"


def test_the_audience_lives_on_without_a_service_until_it_is_told_to_end(tmp_path: Path) -> None:
    log = tmp_path / "log"
    life = [
        "live",
        "--url",
        "http://127.0.0.1:1",
        "--log",
        f"file://{log}",
        "--rate",
        "50",
        "--speed",
        "9000",
    ]
    process = subprocess.Popen(
        [sys.executable, "-m", "movielog.simulate", *life, *SMALL],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and (not log.exists() or log.stat().st_size < 20_000):
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 0, err
    assert b"the service fails: status 0, Connection refused: 127.0.0.1:1" in err
    assert b"Traceback" not in err
    assert log.read_bytes().endswith(b"\n")
    kinds = Counter(type(parse_line(line)) for line in log.read_bytes().splitlines())
    assert kinds[Watched] > 100
    assert f"{kinds[Requested]:,} requests, {kinds[Requested]:,} failed; 0 lines".encode() in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["live", "--url", "nowhere"], "invalid service value: 'nowhere'"),
        (["live", "--url", "http://h", "--arm-appeal", "1,2"], "invalid two_shares value: '1,2'"),
        (["live", "--url", "http://h", "--rate", "0"], "invalid positive_number value: '0'"),
        (["history", "--users", "0"], "invalid count value: '0'"),
        (["history", "--damaged", "1"], "invalid share value: '1'"),
        (["history", "--until", "soon"], "invalid moment value: 'soon'"),
    ],
)
def test_a_bad_option_is_named(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_a_bad_setting_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(os.environ, "MOVIELOG_URL", "ftp://log")
    assert main(["history", *SMALL]) == 2
    assert "MOVIELOG_URL" in capsys.readouterr().err
