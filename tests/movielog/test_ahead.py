"""A topic that is read ahead, by a process of its own."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from movielog.ahead import AheadLog
from movielog.source import LogError, open_log, open_writer
from store import open_store
from tests.movielog.recount import held, recount, some_lines
from tests.movielog.test_source import LINES, broker_url, eventually, mock_server, mock_url, read, write
from tests.servers.process import free_port

ROOT = Path(__file__).parents[2]
__all__ = ["broker_url", "mock_server", "mock_url"]


def test_lines_have_the_positions_that_a_plain_reader_gives_them(mock_url: str) -> None:
    write(mock_url, LINES)
    with closing(open_log(mock_url, "plain")) as plain, closing(AheadLog(mock_url, "g", 70)) as ahead:
        assert read(ahead, len(LINES)) == read(plain, len(LINES))
        assert eventually(lambda: not ahead.read(70, 0.1).lines and ahead.lag() == 0)


def test_what_was_read_ahead_and_not_handed_out_is_not_committed(mock_url: str) -> None:
    write(mock_url, LINES)
    with closing(AheadLog(mock_url, "g", 50)) as log:
        first = read(log, 50)
        log.commit()
    with closing(AheadLog(mock_url, "g", 50)) as log:
        rest = read(log, len(LINES) - 50)
        assert len(first) == 50
        assert Counter([*first.values(), *rest.values()]) == Counter(LINES)


def test_what_was_not_committed_is_read_again(mock_url: str) -> None:
    write(mock_url, LINES)
    with closing(AheadLog(mock_url, "g", 100)) as log:
        read(log, 100)
    with closing(AheadLog(mock_url, "g", 1000)) as log:
        assert Counter(read(log, len(LINES)).values()) == Counter(LINES)


def test_a_reader_that_was_killed_is_missed(mock_url: str) -> None:
    with closing(AheadLog(mock_url, "g", 100)) as log:
        os.kill(_children()[-1], signal.SIGKILL)
        with pytest.raises(LogError, match="has ended"):
            for _ in range(100):
                log.read(100, 0.1)


def test_what_is_no_log_is_refused_before_a_process_is_started() -> None:
    before = _children()
    with pytest.raises(LogError, match="is not a log"):
        AheadLog("kafka://host", "g", 100)
    assert _children() == before


def test_the_reader_ends_where_the_process_that_it_reads_for_is_killed() -> None:
    url = f"kafka://127.0.0.1:{free_port()}/topic"
    code = f"from movielog.ahead import AheadLog\nlog = AheadLog({url!r}, 'g', 10)\n"
    code += "import multiprocessing, time\nif __name__ == '__main__':\n"
    code += "    print(multiprocessing.active_children()[0].pid, flush=True)\n    time.sleep(60)\n"
    command = [sys.executable, "-c", code]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    reader = int(process.stdout.readline())
    process.kill()
    process.wait()
    assert eventually(lambda: not Path(f"/proc/{reader}").exists() or _ended(reader))
    process.stdout.close()


def _ended(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"


def _children() -> list[int]:
    listed = subprocess.run(["pgrep", "-P", str(os.getpid())], capture_output=True, text=True, check=False)
    return [int(pid) for pid in listed.stdout.split() if Path(f"/proc/{pid}").exists()]


@pytest.mark.real
def test_kills_amid_batches_of_a_topic_leave_exactly_its_events(broker_url: str, tmp_path: Path) -> None:
    lines, chance = some_lines(20_000), random.Random(4)
    with closing(open_writer(broker_url)) as writer:
        writer.append([line.encode() for line in lines])
    database = f"sqlite://{tmp_path}/marquee.db"
    environ = os.environ | {"MOVIELOG_URL": broker_url, "STORE_URL": database}
    command = [sys.executable, "-m", "movielog.ingest", "--batch", "300"]
    seen = [_killed(command, environ, database, chance.uniform(0.1, 0.5)) for _ in range(4)]
    assert seen[-1] > seen[0] > 0, "no process came past its predecessor"
    subprocess.run([*command[:3], "--once"], cwd=ROOT, env=environ, timeout=90, check=True)
    with closing(open_store(database)) as store:
        assert held(store) == recount(lines)
        damaged = [line for line in lines if line.startswith("damaged")]
        assert sorted(line.raw.decode() for line in store.quarantined()) == sorted(damaged)


def _killed(command: list[str], environ: dict[str, str], database: str, seconds: float) -> int:
    """How many ratings there are when a process is killed that has written some more."""
    before = _ratings(database)
    process = subprocess.Popen(command, cwd=ROOT, env=environ, stderr=subprocess.DEVNULL)
    assert eventually(lambda: _ratings(database) > before, 60)
    time.sleep(seconds)
    process.kill()
    process.wait()
    return _ratings(database)


def _ratings(database: str) -> int:
    with closing(open_store(database)) as store:
        return len(held(store)["ratings"])
