"""What is read from a provenance repository, in the places and states in which one is found."""

import json
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from ml.provenance.archive import NoRunError, md5_of, open_archive
from ml.provenance.records import faults, files_of, plain, record
from ml.tracking import Repository, TrackingError, tag_of
from store.port import ModelRef
from tests.ml.provenance.world import Past, stored


def _clone(past: Past, target: Path, *options: str) -> Path:
    subprocess.run(["git", "clone", "--quiet", *options, str(past.repository), str(target)], check=True)
    return target


def test_what_is_fetched_is_what_dvc_locked_by_our_own_reckoning(untouched: Past, tmp_path: Path) -> None:
    archive = untouched.archive()
    for ref in untouched.refs:
        target = tmp_path / ref.digest / ref.name
        target.parent.mkdir()
        archive.fetch(archive.tag(ref), target)
        lock = archive.lock(archive.tag(ref))
        assert {file.path: file.md5 for file in files_of(lock)} == {
            f"{ref.name}/{file}": md5_of(target / file) for file in ("data.json", "ratings.csv", "model")
        }
        assert faults(files_of(lock), target.parent) == []


def test_two_runs_of_one_name_are_told_apart_by_the_digest(untouched: Past, tmp_path: Path) -> None:
    archive, (late, later) = untouched.archive(), untouched.refs[1:]
    assert late.name == later.name
    one, other = record(archive, late), record(archive, later)
    assert one.commit != other.commit
    assert one.data["snapshot"]["sha256"] != other.data["snapshot"]["sha256"]
    for ref in (late, later):
        archive.fetch(tag_of(ref), tmp_path / ref.digest)
        assert md5_of(tmp_path / ref.digest / "model") == md5_of(untouched.folder / "kept" / ref.digest)


def test_a_record_is_plain_data_about_the_run(untouched: Past) -> None:
    found = json.loads(json.dumps(plain(record(untouched.archive(), untouched.early))))
    assert found["stage"] == untouched.early.name
    assert found["model"] == {"name": untouched.early.name, "digest": untouched.early.digest}
    assert found["command"] == f"python -m ml.retraining.train {untouched.early.name}"
    assert [(file["path"].split("/")[1], file["files"]) for file in found["files"]] == [
        ("data.json", None),
        ("ratings.csv", None),
        ("model", 9),
    ]
    assert all(file["size"] > 0 for file in found["files"])
    assert found["data"]["params"]["neighbours"] == 20
    assert not found["missing"]


@pytest.mark.parametrize("options", [(), ("--bare",)], ids=["clone", "bare"])
def test_a_fresh_clone_and_the_remote_are_enough(
    untouched: Past, tmp_path: Path, options: tuple[str, ...]
) -> None:
    with open_archive(str(_clone(untouched, tmp_path / "clone", *options))) as archive:
        archive.fetch(archive.tag(untouched.late), tmp_path / "run")
        assert record(archive, untouched.late) == record(untouched.archive(), untouched.late)
    assert md5_of(tmp_path / "run" / "model") == md5_of(untouched.folder / "kept" / untouched.late.digest)


def test_a_repository_is_read_at_a_url_too(untouched: Past) -> None:
    with open_archive(f"file://{untouched.repository}") as archive:
        assert archive.tags() == [tag_of(ref) for ref in untouched.refs]
        assert record(archive, untouched.early).data["name"] == untouched.early.name


def test_files_are_fetched_past_the_repositorys_own_cache(past: Past, tmp_path: Path) -> None:
    past.remote.rename(tmp_path / "away")
    with pytest.raises(TrackingError, match="cannot be had from the DVC remote"):
        past.archive().fetch(tag_of(past.late), tmp_path / "run")
    found = record(past.archive(), past.late)
    assert found.data["label"] == 2, "data.json may come from the cache"


def test_what_was_fetched_before_is_not_remembered(
    past: Past, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = tmp_path / "left"
    left.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(left))
    with open_archive(f"file://{past.repository}") as archive:
        archive.fetch(tag_of(past.late), tmp_path / "before")
        assert archive.data(tag_of(past.late))["label"] == 2
        stored(past, past.late, "ratings.csv").unlink()
        with pytest.raises(TrackingError, match="cannot be had from the DVC remote"):
            archive.fetch(tag_of(past.late), tmp_path / "after")
    assert not list(left.iterdir())


def test_without_remote_and_cache_the_record_says_what_is_missing(past: Past, tmp_path: Path) -> None:
    past.remote.rename(tmp_path / "away")
    shutil.rmtree(past.repository / ".dvc" / "cache")
    found = record(past.archive(), past.late)
    assert found.data == {}
    assert f"{past.late.name}/data.json" in found.missing
    assert found.files


def test_a_remote_that_has_moved_is_found_where_the_newest_commit_says(past: Past, tmp_path: Path) -> None:
    moved = past.remote.rename(tmp_path / "moved")
    config = past.repository / ".dvc" / "config"
    config.write_text(config.read_text().replace(str(past.remote), str(moved)))
    subprocess.run(
        ["git", "-C", past.repository, "-c", "user.name=a", "-c", "user.email=b", "commit", "-qam", "moved"],
        check=True,
    )
    with open_archive(str(_clone(past, tmp_path / "clone"))) as archive:
        archive.fetch(tag_of(past.early), tmp_path / "run")
    assert (tmp_path / "run" / "ratings.csv").exists()


def test_all_runs_follow_to_a_new_remote_and_are_had_from_there(past: Past, tmp_path: Path) -> None:
    moved = Repository(past.repository, str(tmp_path / "moved"))
    with moved.in_hand():
        assert moved.backlog() == [tag_of(ref) for ref in past.refs]
        assert moved.push() == []
    shutil.rmtree(past.remote)
    with open_archive(str(_clone(past, tmp_path / "clone"))) as archive:
        for ref in past.refs:
            archive.fetch(tag_of(ref), tmp_path / ref.digest)
            assert md5_of(tmp_path / ref.digest / "model") == md5_of(past.folder / "kept" / ref.digest)
    assert not past.remote.exists()


def test_a_clone_without_a_cache_goes_on_as_the_repository(past: Past, tmp_path: Path) -> None:
    clone = Repository(_clone(past, tmp_path / "clone"), str(past.remote))
    with clone.in_hand():
        assert clone.push() == clone.backlog() == []


def test_another_remote_can_be_named(past: Past, tmp_path: Path) -> None:
    moved = past.remote.rename(tmp_path / "moved")
    with open_archive(str(past.repository), str(moved)) as archive:
        archive.fetch(tag_of(past.early), tmp_path / "run")
    assert (tmp_path / "run" / "model" / "manifest.json").exists()


def test_a_model_that_no_run_made_is_said_to_have_none(untouched: Past) -> None:
    by_hand = ModelRef(untouched.early.name, "f" * 64)
    with pytest.raises(NoRunError, match=f"no tracked run .* made {by_hand.name}@ffff"):
        record(untouched.archive(), by_hand)


def test_a_folder_that_is_no_repository_is_said_to_be_none(tmp_path: Path) -> None:
    with pytest.raises(TrackingError, match="no provenance repository"), open_archive(str(tmp_path)):
        pass


def test_a_url_without_a_repository_is_gits_to_explain(tmp_path: Path) -> None:
    with pytest.raises(TrackingError, match="git clone"), open_archive(f"file://{tmp_path}/none"):
        pass
