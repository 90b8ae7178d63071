"""A model as a folder of files: manifest.json and one .npy per array, opened without copying.

The manifest holds what is not an array and every file's SHA-256; no clock and no machine, so that the same
model is the same bytes. Nothing here is a pickle.
"""

import hashlib
import json
import re
import shutil
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from sys import intern
from typing import Any

import numpy as np
from filelock import FileLock, Timeout

from ml.kernels.scoring import Tables
from ml.knn import KnnModel, Params
from ml.matrix import Array
from store.port import ModelRef, Store, Window

FORMAT = "marquee-knn-1"
MANIFEST = "manifest.json"


class BrokenModel(Exception):  # noqa: N818 -- said of the model, as its users say it
    """A file of a model that is not what it was when the model was saved."""


def save(model: KnnModel, folder: Path) -> ModelRef:
    """Write a model into an existing empty folder; its digest is the SHA-256 of the manifest."""
    arrays = {"movies": _joined(model.movies), "lengths": model.lengths, **model.tables._asdict()}
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", np.ascontiguousarray(array), allow_pickle=False)
    manifest = {
        "format": FORMAT,
        "name": model.name,
        "window": model.window._asdict(),
        "params": asdict(model.params),
        "files": {f"{name}.npy": _described(folder / f"{name}.npy", array) for name, array in arrays.items()},
    }
    text = json.dumps(manifest, sort_keys=True, indent=1).encode() + b"\n"
    (folder / MANIFEST).write_bytes(text)
    return ModelRef(model.name, hashlib.sha256(text).hexdigest())


def ref_of(folder: Path) -> ModelRef:
    """Which model a folder holds, by its manifest; BrokenModel where it holds none."""
    manifest = _manifest(folder, None)
    return ModelRef(manifest["name"], hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest())


def load(folder: Path, digest: str | None = None) -> KnnModel:
    """The model of a folder, its arrays mapped into memory; all processes of a machine share their pages.

    BrokenModel where a file is missing or differs from the manifest, or the manifest from the digest.
    """
    manifest = _manifest(folder, digest)
    try:
        arrays = {Path(file).stem: _array(folder, file, known) for file, known in manifest["files"].items()}
        model = _model(manifest, arrays)
        _check(model)
        return model
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise BrokenModel(f"{folder / MANIFEST}: not of format {FORMAT} ({error!r})") from None


def fetch(store: Store, ref: ModelRef, cache: Path) -> KnnModel:
    """The model from the cache of this machine, brought there from the store by one process at a time.

    BrokenModel where the store's copy is broken, StoreError where the store has none.
    """
    cache.mkdir(parents=True, exist_ok=True)
    folder = cache / ref.digest
    with FileLock(cache / f"{ref.digest}.lock"):
        try:
            return load(folder, ref.digest)
        except BrokenModel:
            shutil.rmtree(folder, ignore_errors=True)
        return _fetched(store, ref, folder)


def _fetched(store: Store, ref: ModelRef, folder: Path) -> KnnModel:
    fresh = folder.with_suffix(".new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    store.fetch_model(ref, fresh)
    load(fresh, ref.digest)
    fresh.rename(folder)
    return load(folder, ref.digest)


def tidy(cache: Path, keep: Collection[str]) -> None:
    """Remove the models from the cache whose digests are not to be kept.

    One that a process loads at this moment stays; one that a process has open stays readable to it.
    """
    for folder in cache.iterdir():
        digest = folder.name.removesuffix(".new")
        if re.fullmatch("[0-9a-f]{64}", digest) and digest not in keep:
            with suppress(Timeout), FileLock(cache / f"{digest}.lock", timeout=0):
                shutil.rmtree(folder, ignore_errors=True)


def _joined(movies: tuple[str, ...]) -> Array:
    """Ids as UTF-8, one a line."""
    return np.frombuffer("\n".join(movies).encode(), np.uint8)


def _split(joined: Array) -> tuple[str, ...]:
    return tuple(map(intern, joined.tobytes().decode().split("\n"))) if joined.size else ()


def _described(path: Path, array: Array) -> dict[str, Any]:
    return {"sha256": _sha256(path), "shape": list(array.shape), "dtype": str(array.dtype)}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _manifest(folder: Path, digest: str | None) -> Any:
    path = folder / MANIFEST
    try:
        text = path.read_bytes()
        manifest = json.loads(text)
    except (OSError, ValueError) as error:
        raise BrokenModel(f"{path}: {error}") from None
    if digest is not None and hashlib.sha256(text).hexdigest() != digest:
        raise BrokenModel(f"{path}: its SHA-256 is not {digest}")
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise BrokenModel(f"{path}: not of format {FORMAT}")
    return manifest


def _array(folder: Path, file: str, known: Mapping[str, Any]) -> Array:
    path = folder / Path(file).name
    try:
        if _sha256(path) != known["sha256"]:
            raise BrokenModel(f"{path}: its SHA-256 is not that of the manifest")
        return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
    except (OSError, ValueError) as error:
        raise BrokenModel(f"{path}: {error}") from None


def _model(manifest: Mapping[str, Any], arrays: Mapping[str, Array]) -> KnnModel:
    return KnnModel(
        name=manifest["name"],
        window=Window(**manifest["window"]),
        params=Params(**manifest["params"]),
        movies=_split(arrays["movies"]),
        lengths=arrays["lengths"],
        tables=Tables(**{name: arrays[name] for name in Tables._fields}),
    )


def _check(model: KnnModel) -> None:
    """ValueError where a number in the arrays points outside them."""
    tables, movies = model.tables, len(model.movies)
    fits = (
        tables.neighbours.shape == tables.similarities.shape
        and movies == len(model.lengths) == len(tables.neighbours)
        and len(tables.indptr) == len(tables.users) + 1
        and tables.indptr[0] == 0
        and tables.indptr[-1] == len(tables.movie) == len(tables.weight)
        and (np.diff(tables.indptr) >= 0).all()
        and max(tables.movie.max(initial=0), tables.neighbours.max(initial=0)) < max(1, movies)
    )
    if not fits:
        raise ValueError("the arrays do not fit together")
