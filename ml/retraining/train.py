"""Turn a folder's ratings.csv and data.json into its model: the same files give the same bytes anywhere."""

import argparse
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from ml import artifact, engines, snapshot, training
from ml.engines import EngineError
from ml.knn import Nearest, here
from ml.matrix import interactions
from ml.memory import give_back
from ml.retraining import inputs
from ml.tracking import MODEL, RATINGS
from store.port import ModelRef


def main(argv: Sequence[str] | None = None) -> int:
    """Train and print the model's name and digest; 2 where the files are no good, with the reason."""
    parser = argparse.ArgumentParser(prog="python -m ml.retraining.train", description=__doc__)
    parser.add_argument("folder", type=Path)
    engines.add_arguments(parser)
    arguments = parser.parse_args(argv)
    folder = arguments.folder
    try:
        ref = train(folder, folder / MODEL, engines.chosen(arguments, os.environ))
    except (EngineError, OSError, ValueError) as error:
        print(f"train: {error}", file=sys.stderr)
        return 2
    print(f"{ref.name} {ref.digest}")
    return 0


def train(folder: Path, target: Path, engine: Nearest = here) -> ModelRef:
    """Train on the folder's files and write the model into `target`, in place of what is there."""
    said = inputs.read(folder)
    data = interactions(snapshot.read(folder / RATINGS))  # the snapshot itself is not kept
    give_back()
    model = training.train(data, said.label, said.window, said.params, engine)
    if model.name != said.name:
        raise ValueError(f"{folder}: label and window give {model.name}, not {said.name}")
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    return artifact.save(model, target)


if __name__ == "__main__":
    raise SystemExit(main())
