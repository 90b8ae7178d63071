import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from movielog import follow
from movielog.follow import FileLog, FileWriter


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "movielog.log"


@pytest.fixture
def log(path: Path) -> FileLog:
    return FileLog(path, "g")


def restarted(path: Path) -> FileLog:
    """A reader that starts from what an earlier one committed."""
    return FileLog(path, "g")


def rest(log: FileLog, limit: int = 1000) -> list[bytes]:
    """Every line up to the end of the log."""
    lines: list[bytes] = []
    while found := log.read(limit, 0).lines:
        lines += found
    return lines


def append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def age(path: Path, seconds: float = 60) -> None:
    """The file was last written to some seconds ago."""
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns - int(seconds * 1e9)))


def test_lines_are_read_as_they_come(path: Path, log: FileLog) -> None:
    append(path, b"a\nb\n")
    assert rest(log) == [b"a", b"b"]
    append(path, b"c\n")
    assert rest(log) == [b"c"]
    assert rest(log) == []


def test_a_file_that_is_not_there_yet_is_waited_for(path: Path, log: FileLog) -> None:
    assert (rest(log), log.lag()) == ([], 0)
    append(path, b"a\n")
    assert rest(log) == [b"a"]


def test_an_unfinished_last_line_waits(path: Path, log: FileLog) -> None:
    append(path, b"a\nbe")
    assert rest(log) == [b"a"]
    assert (rest(log), log.lag()) == ([], 0)
    append(path, b"gun\n\n")
    assert rest(log) == [b"begun", b""]


def test_at_most_so_many_lines_come_at_once(path: Path, log: FileLog) -> None:
    append(path, b"a\nb\nc\nd\ne\n")
    assert [log.read(2, 0).lines for _ in range(3)] == [[b"a", b"b"], [b"c", b"d"], [b"e"]]


def test_a_position_names_the_same_line_whenever_it_is_read(path: Path, log: FileLog) -> None:
    append(path, b"a\nbb\nc\n")
    whole = log.read(3, 0)
    parts = [chunk for other in [FileLog(path, "other")] for chunk in (other.read(1, 0), other.read(2, 0))]
    positions = [whole.position(i) for i in range(3)]
    assert positions == [parts[0].position(0), parts[1].position(0), parts[1].position(1)]
    assert [position.rpartition(":")[2] for position in positions] == ["0", "2", "5"]


def test_a_restart_goes_on_from_the_commit(path: Path, log: FileLog) -> None:
    append(path, b"a\nb\nc\n")
    log.read(1, 0)
    log.commit()
    log.read(1, 0)
    assert rest(restarted(path)) == [b"b", b"c"]


def test_groups_read_by_themselves(path: Path, log: FileLog) -> None:
    append(path, b"a\n")
    rest(log)
    log.commit()
    assert rest(FileLog(path, "other")) == [b"a"]


def test_lag_counts_the_bytes_that_are_left(path: Path, log: FileLog) -> None:
    append(path, b"aa\nbbb\nc")
    log.read(1, 0)
    assert log.lag() == 5
    log.read(1, 0)
    log.read(1, 0)
    assert log.lag() == 0


def test_a_rotated_file_is_finished_before_the_new_one(path: Path, log: FileLog) -> None:
    append(path, b"a\nb\n")
    assert log.read(1, 0).lines == [b"a"]
    path.rename(f"{path}.1")
    age(Path(f"{path}.1"))
    append(path, b"c\n")
    assert log.lag() == 4
    assert log.read(9, 0).lines == [b"b"]
    assert log.read(9, 5).lines == [b"c"]
    assert log.lag() == 0


def test_a_rotated_file_may_still_be_written_to_for_a_while(path: Path, log: FileLog) -> None:
    append(path, b"a\n")
    with path.open("ab", buffering=0) as late:
        assert rest(log) == [b"a"]
        path.rename(f"{path}.1")
        append(path, b"c\n")
        late.write(b"b\n")
    assert log.read(9, 0).lines == [b"b"]
    age(Path(f"{path}.1"))
    assert log.read(9, 5).lines == [b"c"]


def test_rotations_while_nobody_reads_lose_nothing(path: Path, log: FileLog) -> None:
    append(path, b"a\nb\n")
    log.read(1, 0)
    log.commit()
    for older, lines in enumerate([b"c\nd\n", b"e\n", b"f\n"]):
        path.rename(f"{path}.{3 - older}")
        age(Path(f"{path}.{3 - older}"), 60 * (3 - older))
        append(path, lines)
    append(path.with_name("movielog.log.0.gz"), b"not a log\n")
    found = restarted(path)
    assert [found.read(9, 5).lines for _ in range(4)] == [[b"b"], [b"c", b"d"], [b"e"], [b"f"]]


def test_an_unread_file_that_was_rotated_is_read_first(path: Path, log: FileLog) -> None:
    append(path, b"")
    log.read(1, 0)
    log.commit()
    append(path, b"a\n")
    path.rename(f"{path}-2022-04-08")
    age(path.with_name("movielog.log-2022-04-08"))
    append(path, b"b\n")
    found = restarted(path)
    assert [found.read(9, 5).lines for _ in range(2)] == [[b"a"], [b"b"]]


def test_the_last_line_of_a_finished_file_needs_no_line_break(path: Path, log: FileLog) -> None:
    append(path, b"a\nb")
    assert rest(log) == [b"a"]
    path.rename(f"{path}.1")
    age(Path(f"{path}.1"))
    append(path, b"c\n")
    assert [log.read(9, 5).lines for _ in range(2)] == [[b"b"], [b"c"]]


def test_a_copied_and_truncated_file_is_finished_in_its_copy(path: Path, log: FileLog) -> None:
    append(path, b"first\nsecond\n")
    assert log.read(1, 0).lines == [b"first"]
    copy = Path(f"{path}.1")
    copy.write_bytes(path.read_bytes())
    age(copy)
    path.write_bytes(b"")
    append(path, b"third\n")
    assert [log.read(9, 5).lines for _ in range(2)] == [[b"second"], [b"third"]]


@pytest.mark.parametrize("new", [b"x\n", b"new one\nnew two\nnew three\n"], ids=["shorter", "longer"])
def test_a_truncated_file_is_read_from_its_beginning(path: Path, log: FileLog, new: bytes) -> None:
    append(path, b"old one\nold two\n")
    rest(log)
    log.commit()
    path.write_bytes(new)
    assert rest(log) == new.splitlines()
    assert rest(restarted(path)) == new.splitlines()


def test_the_same_place_in_another_file_is_another_position(path: Path, log: FileLog) -> None:
    append(path, b"old\n")
    before = log.read(9, 0).position(0)
    path.write_bytes(b"new\n")
    assert log.read(9, 0).position(0) != before


def test_a_broken_position_file_starts_from_the_beginning(path: Path, log: FileLog) -> None:
    append(path, b"a\n")
    rest(log)
    log.commit()
    path.with_name("movielog.log.g.position").write_bytes(b'{"inode": 1}')
    assert rest(restarted(path)) == [b"a"]


def test_a_line_longer_than_a_block_comes_in_pieces(
    path: Path, log: FileLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follow, "BLOCK", 8)
    append(path, b"a\n" + b"x" * 20 + b"\nb\n")
    lines = rest(log)
    assert b"".join(lines[1:-1]) == b"x" * 20
    assert (lines[0], lines[-1]) == (b"a", b"b")


@settings(max_examples=30, deadline=None)
@given(st.lists(st.binary(max_size=9).map(lambda line: line.replace(b"\n", b"")), max_size=30), st.data())
def test_any_pieces_written_are_the_lines_read(lines: list[bytes], data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "movielog.log"
        path.touch()
        log, read, written = FileLog(path, "g"), list[bytes](), b"".join(line + b"\n" for line in lines)
        while written:
            cut = data.draw(st.integers(1, len(written)))
            append(path, written[:cut])
            written = written[cut:]
            read += rest(log, limit=data.draw(st.integers(1, 5)))
            log.commit()
            log.close()
            log = FileLog(path, "g")
        log.close()
    assert read == lines


def test_several_writers_share_a_file(path: Path, log: FileLog) -> None:
    writers = [FileWriter(path) for _ in range(3)]
    expected = set()
    for number in range(30):
        lines = [b"%d:%d" % (number, part) for part in range(3)]
        writers[number % 3].append(lines)
        expected.update(lines)
    assert set(rest(log)) == expected


def test_a_writer_ends_the_line_that_a_killed_one_began(path: Path, log: FileLog) -> None:
    append(path, b"torn")
    FileWriter(path).append([b"whole"])
    assert rest(log) == [b"torn", b"whole"]


def test_a_writer_goes_on_in_the_new_file_after_a_rotation(path: Path) -> None:
    writer = FileWriter(path)
    writer.append([b"a"])
    path.rename(f"{path}.1")
    writer.append([b"b"])
    writer.flush()
    assert (Path(f"{path}.1").read_bytes(), path.read_bytes()) == (b"a\n", b"b\n")
