"""A model's folder, file by file and part by part."""

from collections.abc import Iterator
from pathlib import Path

from store.port import StoreError

PART = 8 << 20
"""Bytes of a file that are in memory at once."""


def files_of(folder: Path) -> list[Path]:
    """The files of a model's folder by name; StoreError where there are none or a folder among them."""
    files = sorted(folder.iterdir())
    if not files or not all(file.is_file() for file in files):
        raise StoreError(f"{folder} is not a model's folder: expected files and nothing else")
    return files


def parts_of(file: Path) -> Iterator[tuple[str, int, bytes]]:
    """The file's name, the part's number and its at most `PART` bytes; one empty part for an empty file."""
    with file.open("rb") as opened:
        yield file.name, 0, opened.read(PART)
        for number, part in enumerate(iter(lambda: opened.read(PART), b""), start=1):
            yield file.name, number, part


def place_in(folder: Path, name: str) -> Path:
    """Where a stored file goes; StoreError where its name leads out of the folder."""
    if Path(name).name != name:
        raise StoreError(f"{name!r} is not the name of a model's file")
    return folder / name
