"""The reading side of a provenance repository: what every run is made of, and its files."""

import configparser
import hashlib
import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from ml.tracking import DATA, TrackingError, tag_of
from store.port import ModelRef


class NoRunError(TrackingError):
    """No tracked run made the model, or this repository does not know of it."""


@contextmanager
def open_archive(place: str, remote: str | None = None) -> Iterator["Archive"]:
    """The provenance repository at a path, or a copy of the one at a URL for as long as the block lasts."""
    folder = Path(place).expanduser().absolute()
    if _is_repository(folder):
        yield Archive(folder, remote)
        return
    if "://" not in place and "@" not in place:
        raise TrackingError(f"{place} is no provenance repository: no tracked run was ever made into it")
    with TemporaryDirectory(prefix="provenance-") as copy:
        _call(["git", "clone", "--quiet", "--bare", place, copy])
        yield Archive(Path(copy), remote)


def _is_repository(folder: Path) -> bool:
    return (folder / ".git").exists() or (folder / "HEAD").is_file()


@dataclass(frozen=True)
class Archive:
    """A provenance repository in a folder, with or without a work tree.

    `remote` is the DVC remote's URL, where it is not to be the one that the newest commit names: earlier ones
    may name a remote that is no more.
    """

    folder: Path
    remote: str | None = None

    def tag(self, ref: ModelRef) -> str:
        """The tag of the run that made a model; NoRunError where there is none."""
        tag = tag_of(ref)
        if not self._git("tag", "--list", tag).strip():
            raise NoRunError(f"no tracked run in {self.folder} made {tag}")
        return tag

    def tags(self) -> Sequence[str]:
        """Tags of all runs, oldest first."""
        return self._git("tag", "--sort=creatordate").split()

    def commit(self, tag: str) -> str:
        """The commit of a run in this repository."""
        return self._git("rev-parse", f"{tag}^{{commit}}").strip()

    def lock(self, tag: str) -> Mapping[str, Any]:
        """The run's entry in dvc.lock: its command, hashes and sizes of what went in and came out."""
        stages = yaml.safe_load(self._git("show", f"{tag}:dvc.lock"))["stages"]
        name = tag.partition("@")[0]
        if name not in stages:
            raise NoRunError(f"the dvc.lock of {tag} has no stage {name}")
        entry: Mapping[str, Any] = stages[name]
        return entry

    def data(self, tag: str) -> Mapping[str, Any]:
        """The run's data.json, from this repository's own cache or the remote."""
        read: Mapping[str, Any] = json.loads(self._read(tag, f"{tag.partition('@')[0]}/{DATA}"))
        return read

    def _read(self, tag: str, path: str) -> bytes:
        with self._files(str(self.folder), tag, f"{path} of {tag} cannot be had") as files:
            content: bytes = files.read_bytes(path)
        return content

    def fetch(self, tag: str, target: Path) -> None:
        """Bring the files of a run, ratings.csv, data.json and model, from the DVC remote into a new folder.

        Through no cache: what is not in the remote raises TrackingError. Nothing is checked here.
        """
        url = f"file://{self.folder}"  # which puts its cache out of reach
        with self._files(url, tag, f"the files of {tag} cannot be had from the DVC remote") as files:
            files.get(tag.partition("@")[0], str(target), recursive=True)

    @contextmanager
    def _files(self, url: str, tag: str, trouble: str) -> Iterator[Any]:
        """The files of a run for as long as the block lasts; TrackingError for all that goes wrong in it."""
        from dvc.api import DVCFileSystem  # a second of imports that not every command needs
        from dvc.repo.open_repo import clean_repos

        try:
            yield DVCFileSystem(url, rev=tag, remote="storage", config=self._config())
        except Exception as error:  # remotes of every kind raise errors of their own
            raise TrackingError(f"{trouble}: {error or type(error).__name__}") from error
        finally:
            clean_repos()  # DVC's copies of the repository, and what it kept of the remote

    def _config(self) -> Mapping[str, Any]:
        """What DVC needs to know of the remote, as the newest commit and this folder's own secrets say."""
        parser = configparser.ConfigParser(interpolation=None)
        parser.read_string(self._git("show", "HEAD:.dvc/config"))
        parser.read(self.folder / ".dvc" / "config.local")
        found = {name.strip("'"): dict(parser[name]) for name in parser.sections()}
        remote = found.get('remote "storage"', {})
        if self.remote:
            remote["url"] = self.remote
        return {"core": {"remote": "storage", "analytics": False}, "remote": {"storage": remote}}

    def _git(self, *arguments: str) -> str:
        return _call(["git", "-C", str(self.folder), *arguments])


def _call(command: Sequence[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise TrackingError(f"{' '.join(command[:4])}: {done.stderr.strip()}")
    return done.stdout


def md5_of(path: Path) -> str:
    """The hash that dvc.lock has for a file, or for a folder with all files below it."""
    if not path.is_dir():
        with path.open("rb") as file:
            return hashlib.file_digest(file, "md5").hexdigest()
    files = sorted(file.relative_to(path).as_posix() for file in path.rglob("*") if file.is_file())
    listed = [{"md5": md5_of(path / name), "relpath": name} for name in files]
    return hashlib.md5(json.dumps(listed, sort_keys=True).encode()).hexdigest() + ".dir"
