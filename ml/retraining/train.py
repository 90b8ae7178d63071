"""Turn a folder's ratings.csv and data.json into its model: the same files give the same bytes anywhere."""

import argparse
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from ml import artifact, snapshot, training
from ml.retraining import inputs
from ml.tracking import MODEL, RATINGS
from store.port import ModelRef


def main(argv: Sequence[str] | None = None) -> int:
    """Train and print the model's name and digest; 2 where the files are no good, with the reason."""
    parser = argparse.ArgumentParser(prog="python -m ml.retraining.train", description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args(argv).folder
    try:
        ref = train(folder, folder / MODEL)
    except (OSError, ValueError) as error:
        print(f"train: {error}", file=sys.stderr)
        return 2
    print(f"{ref.name} {ref.digest}")
    return 0


def train(folder: Path, target: Path) -> ModelRef:
    """Train on the folder's files and write the model into `target`, in place of what is there."""
    said = inputs.read(folder)
    model = training.train(snapshot.read(folder / RATINGS), said.label, said.window, said.params)
    if model.name != said.name:
        raise ValueError(f"{folder}: label and window give {model.name}, not {said.name}")
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    return artifact.save(model, target)


if __name__ == "__main__":
    raise SystemExit(main())
