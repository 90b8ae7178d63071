"""The provenance repository under a real git and DVC."""

import fcntl
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from ml import tracking
from ml.tracking import DATA, MODEL, RATINGS, Repository, TrackingError, tag_of
from store.port import ModelRef

COPY = ["mkdir", "-p", "{name}/model", "&&", "cp", "{name}/ratings.csv", "{name}/model/file"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository of one run, which was pushed; tests copy it."""
    folder = tmp_path_factory.mktemp("tracking")
    repository = Repository(folder / "repository", str(folder / "remote"))
    with repository.in_hand():
        _run(repository, "KNN_1_2022-04-08", "a")
        assert repository.push() == []
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path, symlinks=True, dirs_exist_ok=True)
    return tmp_path


@pytest.fixture
def repository(folder: Path) -> Repository:
    return Repository(folder / "repository", str(folder / "remote"))


def _run(repository: Repository, name: str, content: str, command: list[str] | None = None) -> ModelRef:
    run = repository.start(name)
    (run / RATINGS).write_text(content)
    (run / DATA).write_text("{}")
    repository.run(name, [part.format(name=name) for part in command or COPY])
    ref = ModelRef(name, content * 64)
    repository.keep(ref, f"made {name}")
    return ref


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder / "repository"), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_a_run_is_a_frozen_stage_with_its_dependencies_and_a_tag(folder: Path) -> None:
    (stage,) = yaml.safe_load(_git(folder, "show", "HEAD:dvc.yaml"))["stages"].items()
    assert stage[0] == "KNN_1_2022-04-08"
    assert stage[1]["deps"] == [f"KNN_1_2022-04-08/{file}" for file in (DATA, RATINGS)]
    assert stage[1]["outs"] == [f"KNN_1_2022-04-08/{MODEL}"]
    assert stage[1]["frozen"]
    assert _git(folder, "tag").split() == [tag_of(ModelRef("KNN_1_2022-04-08", "a" * 64))]
    assert not _git(folder, "status", "--porcelain")


def test_what_was_pushed_comes_back_into_a_clone_with_nothing_but_the_remote(folder: Path) -> None:
    tag = _git(folder, "tag").split()[0]
    subprocess.run(["git", "clone", "--quiet", folder / "repository", folder / "clone"], check=True)
    _get(folder / "clone", tag, folder / "there")
    assert (folder / "there" / "file").read_text() == "a"


def test_a_second_model_of_the_same_name_has_a_tag_of_its_own_and_one_stage(
    folder: Path, repository: Repository
) -> None:
    with repository.in_hand():
        _run(repository, "KNN_1_2022-04-08", "b")
    assert len(repository.tags()) == 2
    assert len(yaml.safe_load(_git(folder, "show", "HEAD:dvc.yaml"))["stages"]) == 1
    old, new = (_git(folder, "show", f"{tag}:dvc.lock") for tag in repository.tags())
    assert old != new


def test_the_oldest_runs_are_left_to_history_and_still_come_back(
    folder: Path, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracking, "MOST_STAGES", 1)
    with repository.in_hand():
        _run(repository, "KNN_2_2022-04-12", "b")
        assert repository.push() == []
    for file in ("dvc.yaml", "dvc.lock"):
        assert list(yaml.safe_load(_git(folder, "show", f"HEAD:{file}"))["stages"]) == ["KNN_2_2022-04-12"]
    assert not (folder / "repository" / "KNN_1_2022-04-08").exists()
    assert len(repository.tags()) == 2
    _get(folder / "repository", repository.tags()[0], folder / "there")
    assert (folder / "there" / "file").read_text() == "a"


def _get(repository: Path, tag: str, target: Path) -> None:
    path = f"{tag.partition('@')[0]}/{MODEL}"
    command = [sys.executable, "-m", "dvc", "get", ".", path, "--rev", tag, "-o", str(target)]
    subprocess.run(command, cwd=repository, check=True, capture_output=True)


def test_what_a_killed_run_left_is_undone(folder: Path, repository: Repository) -> None:
    left = repository.start("KNN_2_2022-04-12")
    (left / RATINGS).write_text("half")
    (folder / "repository" / "dvc.yaml").write_text("half: [")
    for lock in (".git/index.lock", ".git/HEAD.lock", ".git/refs/heads/main.lock", ".dvc/tmp/rwlock"):
        (folder / "repository" / lock).write_text("")
    with repository.in_hand():
        assert not left.exists()
        assert not _git(folder, "status", "--porcelain")
        _run(repository, "KNN_2_2022-04-12", "c")
    assert len(repository.tags()) == 2


def test_a_repository_whose_making_was_killed_is_made(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", tmp_path / "repository"], check=True)
    (tmp_path / "repository" / ".dvc").mkdir()
    with Repository(tmp_path / "repository", str(tmp_path / "remote")).in_hand():
        assert "analytics = false" in (tmp_path / "repository" / ".dvc" / "config").read_text()
    assert _git(tmp_path, "log", "--oneline").count("\n") == 1


def test_a_failing_command_is_told_in_its_own_words(repository: Repository) -> None:
    with repository.in_hand(), pytest.raises(TrackingError, match="no such thing here"):
        _run(repository, "KNN_2_2022-04-12", "d", ["echo no such thing here >&2; false"])


def test_a_remote_that_is_away_leaves_a_backlog_that_is_pushed_later(
    folder: Path, repository: Repository
) -> None:
    with repository.in_hand():
        assert repository.push() == []
        (folder / "remote").rename(folder / "away")
        (folder / "remote").write_text("a file, where the remote's folder should be")
        _run(repository, "KNN_2_2022-04-12", "e")
        assert repository.push() == repository.backlog() == [tag_of(ModelRef("KNN_2_2022-04-12", "e" * 64))]
        (folder / "remote").unlink()
        (folder / "away").rename(folder / "remote")
        before = _files(folder / "remote")
        assert repository.push() == repository.backlog() == []
    assert _files(folder / "remote") - before


def test_another_remote_gets_the_earlier_runs_too(folder: Path) -> None:
    elsewhere = Repository(folder / "repository", str(folder / "elsewhere"))
    with elsewhere.in_hand():
        assert elsewhere.backlog() == [tag_of(ModelRef("KNN_1_2022-04-08", "a" * 64))]
        assert elsewhere.push() == []
    assert _files(folder / "elsewhere") == _files(folder / "remote")


def _files(remote: Path) -> set[Path]:
    return {file.relative_to(remote) for file in remote.rglob("*") if file.is_file()}


def test_another_remote_is_taken_over_and_committed(folder: Path) -> None:
    elsewhere = Repository(folder / "repository", "s3://bucket/path")
    with elsewhere.in_hand():
        assert "url = s3://bucket/path" in _git(folder, "show", "HEAD:.dvc/config")


def test_who_comes_next_waits_for_what_a_killed_process_left_running(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lock outlives the process that took it, in what it started."""
    with repository.in_hand():
        left = subprocess.Popen(["sleep", "600"], pass_fds=repository._inherited)
    waited: list[bool] = []

    def lock(file: int, how: int) -> None:
        if not how & fcntl.LOCK_NB:
            waited.append(left.poll() is None)
            left.kill()
            left.wait()
        real(file, how)

    real = fcntl.flock
    monkeypatch.setattr(tracking.fcntl, "flock", lock)
    with repository.in_hand():
        assert waited == [True]


def test_what_was_started_ends_with_an_interrupt(repository: Repository) -> None:
    class Interrupt(Exception):  # noqa: N818
        pass

    def interrupted(process: subprocess.Popen[str]) -> None:
        started.append(process)
        while not (repository.folder / "begun").exists():
            time.sleep(0.01)
        raise Interrupt

    started: list[subprocess.Popen[str]] = []
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Interrupt):
        patch.setattr(subprocess.Popen, "communicate", interrupted)
        tracking._run(["sh", "-c", "sleep 600 & touch begun; wait"], repository.folder, ())
    assert started[0].returncode == -9
