"""Models trained again from the remote's data, by the code that made them or by what is at hand."""

import hashlib
import subprocess
from pathlib import Path

import pytest

from ml.provenance import retrain as training_again
from ml.provenance.archive import Archive
from ml.provenance.retrain import recorded_code, retrain
from ml.tracking import TrackingError
from tests.ml.provenance.world import Past, stored


def test_a_model_trained_again_is_the_same_to_the_last_bit(untouched: Past) -> None:
    for ref in (untouched.late, untouched.later):
        assert retrain(untouched.archive(), ref).differences == []


def test_a_model_trained_again_on_other_data_is_different(past: Past) -> None:
    file = stored(past, past.late, "ratings.csv")
    file.chmod(0o644)
    file.write_bytes(file.read_bytes() + b'77,"movie+3+1953",1642032000000000000,0,5\n')
    (other_data, other_model) = retrain(past.archive(), past.late).differences
    assert "ratings.csv: MD5" in other_data
    assert "the model trained again has MD5" in other_model


def test_data_that_cannot_be_trained_on_is_told_in_the_trainers_words(past: Past) -> None:
    file = stored(past, past.late, "ratings.csv")
    file.chmod(0o644)
    file.write_text("user,movie\n")
    with pytest.raises(TrackingError, match=r"train.*failed"):
        retrain(past.archive(), past.late)


def test_versions_that_are_not_those_recorded_are_named(
    untouched: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training_again, "version", lambda _: "0.0")
    monkeypatch.setattr(training_again, "_run", lambda *_: None)
    monkeypatch.setattr(training_again, "md5_of", lambda _: "?")
    remarks = retrain(untouched.archive(), untouched.late).remarks
    assert any(line.startswith("numba was ") and line.endswith(", now 0.0") for line in remarks)
    assert not any(line.startswith("python") for line in remarks)


@pytest.mark.parametrize("command", ["rm -r KNN", "python -c pass", "python"])
def test_a_command_that_is_not_ours_is_not_run(
    untouched: Past, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    lock = untouched.archive().lock(untouched.archive().tag(untouched.late))
    monkeypatch.setattr(Archive, "lock", lambda *_: {**lock, "cmd": command})
    with pytest.raises(TrackingError, match="no command of ours"):
        retrain(untouched.archive(), untouched.late)


@pytest.fixture
def code(tmp_path: Path) -> Path:
    """A repository of code with two commits, tagged `old` and `new`; the old one makes a model of its own."""
    root = tmp_path / "code"
    (root / "ml" / "retraining").mkdir(parents=True)
    _git(root, "init", "--quiet")
    for name in ("ml", "ml/retraining"):
        (root / name / "__init__.py").touch()
    for age in ("old", "new"):
        script = f"import pathlib, sys; (pathlib.Path(sys.argv[1]) / 'model').write_text({age!r})"
        (root / "ml" / "retraining" / "train.py").write_text(script)
        _git(root, "add", ".")
        _git(root, "commit", "--quiet", "--message", age)
        _git(root, "tag", age)
    return root


def _git(root: Path, *arguments: str) -> str:
    command = ["git", "-C", str(root), "-c", "user.name=a", "-c", "user.email=b", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def _script(root: Path) -> str:
    return (root / "ml" / "retraining" / "train.py").read_text()


def test_the_code_is_that_of_the_recorded_commit(code: Path) -> None:
    for age in ("old", "new"):
        with recorded_code({"commit": _git(code, "rev-parse", age), "dirty": False}, code) as found:
            assert age in _script(found.folder)
            assert found.remarks == []
    assert _git(code, "status", "--porcelain") == ""


def test_changes_since_the_recorded_commit_have_no_part_in_it(code: Path) -> None:
    (code / "ml" / "retraining" / "train.py").write_text("changed")
    with recorded_code({"commit": _git(code, "rev-parse", "new"), "dirty": False}, code) as found:
        assert "new" in _script(found.folder)


def test_changes_that_were_not_committed_are_said_to_be_lost(code: Path) -> None:
    with recorded_code({"commit": _git(code, "rev-parse", "old"), "dirty": True}, code) as found:
        assert "old" in _script(found.folder)
        assert "uncommitted changes" in found.remarks[0]


@pytest.mark.parametrize("commit", ["0" * 40, "unknown", None, "--output=old", "old"])
def test_where_the_recorded_code_is_not_at_hand_that_at_hand_is_taken_and_said(
    code: Path, commit: str | None
) -> None:
    with recorded_code({"commit": commit}, code) as found:
        assert found.folder == code
        assert f"the code of {commit} is not at hand" in found.remarks[0]


def test_code_without_a_history_knows_its_commit_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "GIT_COMMIT").write_text("abc\n")
    with recorded_code({"commit": "abc", "dirty": False}, tmp_path) as found:
        assert found == (tmp_path, [])
    with recorded_code({"commit": "abd", "dirty": False}, tmp_path) as found:
        assert "not at hand: trained with that of abc" in found.remarks[0]


def test_the_code_that_was_found_is_what_trains(untouched: Past, code: Path) -> None:
    again = retrain(untouched.archive(), untouched.late, code)
    assert any("not at hand" in remark for remark in again.remarks)
    assert hashlib.md5(b"new").hexdigest() in again.differences[0]
