import os
import random
import subprocess
import sys
import time
from pathlib import Path

from movielog.ingest import GROUP
from store import open_store
from tests.movielog.recount import held, recount, some_lines

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "movielog.ingest", "--batch", "50"]


def test_ten_kills_amid_batches_leave_exactly_the_events_of_the_log(tmp_path: Path) -> None:
    lines, chance = some_lines(60_000), random.Random(4)
    log, database = tmp_path / "movielog.log", f"sqlite://{tmp_path}/marquee.db"
    log.write_text("\n".join(lines) + "\n")
    environ = os.environ | {"MOVIELOG_URL": f"file://{log}", "STORE_URL": database}
    positions = [_killed(environ, log, chance.uniform(0, 0.05)) for _ in range(10)]
    assert len(set(positions)) == 10, "not every process came past its predecessor"
    assert (
        subprocess.run([*COMMAND[:3], "--once"], cwd=ROOT, env=environ, timeout=60, check=False).returncode
        == 0
    )
    store = open_store(database)
    assert held(store) == recount(lines)
    damaged = [line for line in lines if line.startswith("damaged")]
    assert sorted(line.raw.decode() for line in store.quarantined()) == sorted(damaged)
    store.close()


def _killed(environ: dict[str, str], log: Path, seconds: float) -> bytes:
    """The position left by a process that is killed after its first commit and before the log's end."""
    position = log.with_name(f"{log.name}.{GROUP}.position")
    before = _content(position)
    process = subprocess.Popen(COMMAND, cwd=ROOT, env=environ, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 30
        while _content(position) == before and time.monotonic() < deadline:
            time.sleep(0.001)
        time.sleep(seconds)
    finally:
        process.kill()
        process.wait()
    left = _content(position)
    assert f'"offset": {log.stat().st_size}'.encode() not in left, "the log was at its end before the kill"
    return left


def _content(file: Path) -> bytes:
    return file.read_bytes() if file.exists() else b""
