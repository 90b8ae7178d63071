"""The provenance repository: a git history of retrains whose files DVC keeps, and pushes to a remote.

Each run is a folder and a DVC stage of the same name, and a git tag `NAME@DIGEST` of the model that it made.
"""

import fcntl
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from store.port import ModelRef

logger = logging.getLogger("tracking")

RATINGS, DATA, MODEL = "ratings.csv", "data.json", "model"
MOST_STAGES = 50
"""To add a stage to 500 takes DVC ten times as long as to add it to two."""
_PUSHED = "pushed"
_DIGITS = 16
_COMMANDS = Path(__file__).with_name("dvc_commands.py")


class TrackingError(Exception):
    """What git or DVC could not do, in their own words."""


def tag_of(ref: ModelRef) -> str:
    """The git tag of the run that made a model."""
    return f"{ref.name}@{ref.digest[:_DIGITS]}"


class Repository:
    """The repository in `folder`; `remote` is any URL that DVC takes (a directory, s3://, gdrive://, ssh://)."""

    def __init__(self, folder: Path, remote: str) -> None:
        self.folder = folder
        self._remote = remote if "://" in remote else str(Path(remote).absolute())
        self._inherited: tuple[int, ...] = ()

    @contextmanager
    def in_hand(self) -> Iterator[None]:
        """Make the repository ready and be the only one that changes it.

        The lock is inherited by all that is started meanwhile: who comes after a killed process waits for
        what that left running, and only then undoes what it left half done.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        self._git("init", "--quiet", "--initial-branch", "main")
        with (self.folder / ".git" / "in-hand").open("w") as file:
            _lock(file.fileno(), self.folder)
            self._inherited = (file.fileno(),)
            try:
                self.make_ready()
                yield
            finally:
                self._inherited = ()

    def make_ready(self) -> None:
        """Make the repository where there is none; undo what a killed run left half done."""
        git = self.folder / ".git"
        for stale in (*git.glob("*.lock"), *git.glob("refs/**/*.lock"), *self.folder.glob(".dvc/tmp/*lock")):
            stale.unlink()
        if not self._git("for-each-ref", "--count=1", "refs/heads"):
            self._create()
        self._git("reset", "--quiet", "--hard")
        self._git("clean", "--quiet", "-d", "--force")
        if not all(self._is_named_in(config) for config in ("config", "config.local")):
            self._use_remote()

    def _create(self) -> None:
        self._dvc_all(
            ["init", "--force"],
            ["config", "core.analytics", "false"],
            ["config", "cache.type", "reflink,hardlink,copy"],
            *self._remote_commands(),
        )
        self._commit("an empty repository of runs")

    def _remote_commands(self) -> Sequence[Sequence[str]]:
        """Clones learn of the remote from the committed configuration; of an earlier run that may name an
        earlier remote, but the local one goes before it."""
        return (
            ["remote", "add", "--force", "--default", "storage", self._remote],
            ["remote", "modify", "--local", "storage", "url", self._remote],
        )

    def _is_named_in(self, config: str) -> bool:
        path = self.folder / ".dvc" / config
        return path.exists() and f"url = {self._remote}\n" in path.read_text()

    def _use_remote(self) -> None:
        """Take another remote; all runs are pushed there."""
        for ref in self._refs(f"refs/{_PUSHED}"):
            self._git("update-ref", "-d", ref)
        self._dvc_all(*self._remote_commands())
        self._commit("where the files are pushed to")

    def start(self, name: str) -> Path:
        """An empty folder for a run; what an earlier run of that name left in it stays in git's history.

        So do the oldest runs, since DVC takes longer for every stage: `MOST_STAGES` remain with the new one.
        """
        self._leave_to_history(MOST_STAGES - 1)
        folder = self.folder / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        return folder

    def _leave_to_history(self, most: int) -> None:
        """Remove all but the newest stages; their tags go on naming them."""
        stages = _stages(self.folder / "dvc.yaml")
        old = list(stages)[: max(0, len(stages) - most)]
        for file in ("dvc.yaml", "dvc.lock") if old else ():
            content = yaml.safe_load((self.folder / file).read_text())
            content["stages"] = {name: content["stages"][name] for name in stages if name not in old}
            (self.folder / file).write_text(yaml.safe_dump(content, sort_keys=False))
        for name in old:
            shutil.rmtree(self.folder / name)

    def run(self, name: str, command: Sequence[str]) -> None:
        """Make the run's stage, which turns its ratings.csv and data.json into its model, and run it.

        The stage is frozen afterwards, so that a change of code does not train all history again.
        """
        files = [f"{name}/{file}" for file in (RATINGS, DATA)]
        given = [option for file in files for option in ("-d", file)]
        stage = ["stage", "add", "--force", "--name", name, *given, "-o", f"{name}/{MODEL}"]
        self._dvc_all(
            ["add", *files],
            [*stage, " ".join(command)],
            ["repro", "--single-item", "--force", name],
            ["freeze", name],
        )

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
        if not (self.folder / ".git").exists():
            return []
        pushed = {ref.removeprefix(f"refs/{_PUSHED}/") for ref in self._refs(f"refs/{_PUSHED}")}
        return [tag for tag in self.tags() if tag not in pushed]

    def _refs(self, below: str) -> Sequence[str]:
        return self._git("for-each-ref", "--format=%(refname)", below).split()

    def tags(self) -> Sequence[str]:
        """Tags of all runs, oldest first."""
        return self._git("tag", "--sort=creatordate").split()

    def _commit(self, message: str) -> None:
        self._git("add", "--all")
        if self._git("status", "--porcelain"):
            self._git("commit", "--quiet", "--message", message)

    def _git(self, *arguments: str) -> str:
        author = ["-c", "user.name=Marquee", "-c", "user.email=marquee@localhost"]
        return self._call(["git", *author, *arguments])

    def _dvc(self, *arguments: str) -> str:
        return self._dvc_all(arguments)

    def _dvc_all(self, *commands: Sequence[str]) -> str:
        return self._call([sys.executable, "-P", str(_COMMANDS), json.dumps(commands)])

    def _call(self, command: Sequence[str]) -> str:
        done = _run(command, self.folder, self._inherited)
        if done.returncode:
            said = (done.stderr or done.stdout).strip()
            raise TrackingError(f"{' '.join(command[:4])} in {self.folder}: {said}")
        return done.stdout


def _run(command: Sequence[str], folder: Path, inherited: Sequence[int]) -> subprocess.CompletedProcess[str]:
    """Run a command; all that it started ends with it where we are interrupted."""
    with subprocess.Popen(
        command,
        cwd=folder,
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        pass_fds=inherited,
        process_group=0,
    ) as process:
        try:
            out, err = process.communicate()
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    return subprocess.CompletedProcess(command, process.returncode, out, err)


def _stages(file: Path) -> Mapping[str, Any]:
    return dict(yaml.safe_load(file.read_text())["stages"]) if file.exists() else {}


def _lock(file: int, folder: Path) -> None:
    """Wait for the lock of a repository."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        logger.warning("waiting for what still works in %s", folder)
        fcntl.flock(file, fcntl.LOCK_EX)
