"""The provenance repository: a git history of retrains whose files DVC keeps, and pushes to a remote.

Each run is a folder and a DVC stage of the same name, and a git tag `NAME@DIGEST` of the model that it made.
"""

import logging
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from store.port import ModelRef

logger = logging.getLogger("tracking")

RATINGS, DATA, MODEL = "ratings.csv", "data.json", "model"
_PUSHED = "pushed"
_DIGITS = 16


class TrackingError(Exception):
    """What git or DVC could not do, in their own words."""


def tag_of(ref: ModelRef) -> str:
    """The git tag of the run that made a model."""
    return f"{ref.name}@{ref.digest[:_DIGITS]}"


class Repository:
    """The repository in `folder`; `remote` is any URL that DVC takes (a directory, s3://, gdrive://, ssh://)."""

    def __init__(self, folder: Path, remote: str) -> None:
        self.folder = folder
        self._remote = remote

    def make_ready(self) -> None:
        """Make the repository where there is none; undo what a killed run left half done."""
        if not (self.folder / ".git").exists():
            self._create()
        for stale in (".git/index.lock", ".dvc/tmp/rwlock", ".dvc/tmp/lock"):
            (self.folder / stale).unlink(missing_ok=True)
        self._git("reset", "--quiet", "--hard")
        self._git("clean", "--quiet", "-d", "--force")
        self._dvc("remote", "add", "--force", "--default", "storage", self._remote)
        self._commit("where the files are pushed to")

    def _create(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._git("init", "--quiet", "--initial-branch", "main")
        if not (self.folder / ".dvc" / "config").exists():
            self._dvc("init", "--force")
        self._dvc("config", "core.analytics", "false")
        self._commit("an empty repository of runs")

    def start(self, name: str) -> Path:
        """An empty folder for a run; what an earlier run of that name left in it stays in git's history."""
        folder = self.folder / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        return folder

    def run(self, name: str, command: Sequence[str]) -> None:
        """Make the run's stage, which turns its ratings.csv and data.json into its model, and run it.

        The stage is frozen afterwards, so that a change of code does not train all history again.
        """
        files = [f"{name}/{file}" for file in (RATINGS, DATA)]
        self._dvc("add", *files)
        given = [option for file in files for option in ("-d", file)]
        stage = ["stage", "add", "--force", "--name", name, *given, "-o", f"{name}/{MODEL}"]
        self._dvc(*stage, " ".join(command))
        self._dvc("repro", "--single-item", "--force", name)
        self._dvc("freeze", name)

    def keep(self, ref: ModelRef, why: str) -> None:
        """Commit a run and tag it with its model; a run that is there already stays as it is."""
        self._commit(why)
        if tag_of(ref) not in self.tags():
            self._git("tag", tag_of(ref))

    def push(self) -> Sequence[str]:
        """Push what was not pushed yet; the tags that remain because the remote is away."""
        waiting = self.backlog()
        if not waiting:
            return []
        try:
            self._dvc("push", "--all-tags")
        except TrackingError as error:
            logger.warning("%d runs wait to be pushed: %s", len(waiting), error)
            return waiting
        for tag in waiting:
            self._git("update-ref", f"refs/{_PUSHED}/{tag}", tag)
        return []

    def backlog(self) -> Sequence[str]:
        """Tags of runs whose files are not known to be in the remote, oldest first."""
        listed = self._git("for-each-ref", "--format=%(refname)", f"refs/{_PUSHED}").split()
        pushed = {ref.removeprefix(f"refs/{_PUSHED}/") for ref in listed}
        return [tag for tag in self.tags() if tag not in pushed]

    def tags(self) -> Sequence[str]:
        """Tags of all runs, oldest first."""
        return self._git("tag", "--sort=creatordate").split()

    def fetch(self, tag: str, file: str, target: Path) -> None:
        """Bring a file or folder of a run from the DVC remote, through no cache of this machine."""
        name = tag.partition("@")[0]
        options = ["--rev", tag, "--out", str(target), "--force", "--remote", "storage"]
        self._dvc("get", str(self.folder), f"{name}/{file}", *options)

    def lock(self, tag: str) -> Mapping[str, Any]:
        """The run's entry in dvc.lock: hashes and sizes of what went in and came out."""
        locked = yaml.safe_load(self._git("show", f"{tag}:dvc.lock"))
        entry: Mapping[str, Any] = locked["stages"][tag.partition("@")[0]]
        return entry

    def _commit(self, message: str) -> None:
        self._git("add", "--all")
        if self._git("status", "--porcelain"):
            self._git("commit", "--quiet", "--message", message)

    def _git(self, *arguments: str) -> str:
        author = ["-c", "user.name=Marquee", "-c", "user.email=marquee@localhost"]
        return self._call(["git", *author, *arguments])

    def _dvc(self, *arguments: str) -> str:
        return self._call([sys.executable, "-m", "dvc", *arguments])

    def _call(self, command: Sequence[str]) -> str:
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False)
        if done.returncode:
            said = (done.stderr or done.stdout).strip()
            raise TrackingError(f"{' '.join(command[:4])} in {self.folder}: {said}")
        return done.stdout
