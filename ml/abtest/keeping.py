"""Where the looks of an experiment go: files, and the store, so that the monitors show them."""

from collections.abc import Sequence
from pathlib import Path

from ml.abtest.experiment import Experiment
from ml.abtest.looks import Look
from ml.abtest.report import write_report
from ml.abtest.results import Plain, evaluation, plain, write_csv, write_json
from store.port import Retrain, Store


class Keeper:
    """The looks so far of one run, in `folder` and in the store."""

    def __init__(self, store: Store, experiment: Experiment, split: str, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._store = store
        self._experiment = experiment
        self._split = split
        self._folder = folder
        self._looks: list[Look] = []
        self._written = 0

    def __len__(self) -> int:
        return len(self._looks)

    @property
    def found(self) -> Plain:
        """All looks as plain data."""
        return plain(self._experiment, self._split, self._looks)

    def add(self, look: Look) -> None:
        """Take one more look, and tell the store of it."""
        self._store.record_evaluation(evaluation(self._experiment, look))
        self._looks.append(look)

    def write(self) -> Sequence[Path]:
        """Write all files anew where a look has come; returned are the ones to name."""
        paths = [self._folder / f"experiment.{kind}" for kind in ("json", "csv", "html")]
        if self._written < len(self._looks):
            found = self.found
            write_json(found, paths[0])
            write_csv(found, paths[1])
            write_report(found, self._experiment, self._store.routes(), self._retrains(), paths[2])
            self._written = len(self._looks)
        return paths

    def _retrains(self) -> Sequence[Retrain]:
        models = set(self._experiment.models.values())
        return [each for each in self._store.retrains() if each.model in models]
