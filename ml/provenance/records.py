"""Where a model comes from, as plain data: for `trace`, and for whoever shows a model."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ml.provenance.archive import Archive, md5_of
from ml.tracking import TrackingError
from store.port import ModelRef


@dataclass(frozen=True)
class File:
    """What dvc.lock has of a file or folder of a run; `files` is None for a single file, sizes are bytes."""

    path: str
    md5: str
    size: int
    files: int | None


@dataclass(frozen=True)
class Record:
    """A tracked run: the DVC stage `stage`, which made `model` by `command`, at `commit` of the provenance
    repository under the tag `tag`. `data` is its data.json, empty where `missing` says why it cannot be had.
    """

    model: ModelRef
    stage: str
    tag: str
    commit: str
    command: str
    files: Sequence[File]
    data: Mapping[str, Any]
    missing: str = ""


def record(archive: Archive, ref: ModelRef) -> Record:
    """The run that made a model; NoRunError where none did, other TrackingErrors where none can be read."""
    tag = archive.tag(ref)
    lock = archive.lock(tag)
    data, missing = _data(archive, tag)
    files = files_of(lock)
    return Record(ref, ref.name, tag, archive.commit(tag), lock["cmd"], files, data, missing)


def _data(archive: Archive, tag: str) -> tuple[Mapping[str, Any], str]:
    try:
        return archive.data(tag), ""
    except TrackingError as error:
        return {}, str(error)


def files_of(lock: Mapping[str, Any]) -> Sequence[File]:
    """What went in and came out of a run, from its entry in dvc.lock."""
    both = (*lock["deps"], *lock["outs"])
    return [File(each["path"], each["md5"], each["size"], each.get("nfiles")) for each in both]


def plain(record: Record) -> dict[str, Any]:
    """A record as JSON has it."""
    return {**asdict(record), "model": record.model._asdict()}


def faults(files: Sequence[File], root: Path) -> Sequence[str]:
    """Which files below `root` are not what dvc.lock says, a sentence each."""
    found = [(file, md5_of(root / file.path)) for file in files if (root / file.path).exists()]
    gone = [file for file in files if not (root / file.path).exists()]
    return [
        *(f"{file.path} is missing" for file in gone),
        *(f"{file.path}: MD5 {md5}, dvc.lock says {file.md5}" for file, md5 in found if md5 != file.md5),
    ]
