"""A model trained again from the data that the DVC remote has, with the code that made it."""

import io
import json
import re
import shlex
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from platform import python_version
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from ml.provenance.archive import Archive, md5_of
from ml.provenance.reproduce import fetched
from ml.retraining.inputs import code
from ml.tracking import DATA, MODEL, RATINGS, TrackingError
from store.port import ModelRef

ROOT = Path(__file__).resolve().parents[2]
_COMMIT = re.compile("[0-9a-f]{40,64}")
_MODULE_OF_CODE = (
    "import runpy, sys; sys.path.insert(0, sys.argv.pop(1)); "
    "runpy.run_module(sys.argv.pop(1), run_name='__main__', alter_sys=True)"
)


class Code(NamedTuple):
    """Code in a folder, and what is to be said of it, a sentence each."""

    folder: Path
    remarks: Sequence[str]


class Again(NamedTuple):
    """A model trained again: what was not as then, and what became different."""

    remarks: Sequence[str]
    differences: Sequence[str]


def retrain(archive: Archive, ref: ModelRef, code_root: Path = ROOT) -> Again:
    """Fetch a model's data and train on it again with the recorded code, command and parameters.

    NoRunError where no tracked run made it, other TrackingErrors where something cannot be had or run.
    """
    lock = archive.lock(archive.tag(ref))
    with fetched(archive, ref) as run, TemporaryDirectory(prefix="provenance-") as root:
        data = json.loads((run.folder / DATA).read_text())
        folder = Path(root) / ref.name
        folder.mkdir()
        for file in (RATINGS, DATA):
            shutil.copy(run.folder / file, folder)
        with recorded_code(data, code_root) as found:
            _run(lock["cmd"], Path(root), found.folder)
        (out,) = lock["outs"]
        differences = [*run.faults, *_difference(md5_of(folder / MODEL), out["md5"])]
        return Again([*found.remarks, *_surroundings(data)], differences)


def _difference(now: str, then: str) -> Sequence[str]:
    return [] if now == then else [f"the model trained again has MD5 {now}, dvc.lock says {then}"]


@contextmanager
def recorded_code(data: Mapping[str, Any], root: Path) -> Iterator[Code]:
    """The code of the commit that a data.json names, or that in `root` where it cannot be had."""
    commit, dirty = str(data.get("commit")), bool(data.get("dirty"))
    remarks = [f"the code of {commit} had uncommitted changes, which are recorded nowhere"] if dirty else []
    here, dirty_here = code(root)
    if commit == here and (dirty or not dirty_here):
        yield Code(root, remarks)
        return
    with TemporaryDirectory(prefix="provenance-") as folder:
        if _exported(root, commit, Path(folder)):
            yield Code(Path(folder), remarks)
            return
    yield Code(root, [*remarks, f"the code of {commit} is not at hand: trained with that of {here}"])


def _exported(root: Path, commit: str, folder: Path) -> bool:
    """Lay the code of a commit out in a folder; False where `root` is no git repository that has it."""
    if not _COMMIT.fullmatch(commit):
        return False
    done = subprocess.run(["git", "-C", str(root), "archive", commit], capture_output=True, check=False)
    if done.returncode:
        return False
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as files:
        files.extractall(folder, filter="data")
    return True


def _run(command: str, where: Path, code: Path) -> None:
    """Run a run's command with this Python and the code in `code`."""
    python, *arguments = shlex.split(command)
    if python != "python" or arguments[:1] != ["-m"]:
        raise TrackingError(f"{command!r} is no command of ours: expected python -m MODULE ...")
    with_code = [sys.executable, "-c", _MODULE_OF_CODE, str(code), *arguments[1:]]
    done = subprocess.run(with_code, cwd=where, capture_output=True, text=True, check=False)
    if done.returncode:
        raise TrackingError(f"{command} failed: {done.stderr.strip()}")


def _surroundings(data: Mapping[str, Any]) -> Sequence[str]:
    """Which of Python and the libraries are not of the version recorded."""
    then = {"python": data.get("python"), **data.get("libraries", {})}
    now = {name: python_version() if name == "python" else _version(name) for name in then}
    return [f"{name} was {then[name]}, now {now[name]}" for name in then if then[name] != now[name]]


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return "missing"
