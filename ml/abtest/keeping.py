"""Where the looks of an experiment go: files, and the store, so that the monitors show them."""

from collections.abc import Sequence
from pathlib import Path

from ml.abtest.experiment import Experiment
from ml.abtest.looks import Look
from ml.abtest.origins import Origins
from ml.abtest.report import Model, write_report
from ml.abtest.results import Plain, evaluation, plain, write_csv, write_json
from store.port import Store


class Keeper:
    """The looks so far of one run, in `folder` and in the store."""

    def __init__(
        self, store: Store, experiment: Experiment, split: str, folder: Path, known: Origins | None = None
    ) -> None:
        """`known` is where the models come from, as far as anything is known of it."""
        folder.mkdir(parents=True, exist_ok=True)
        self._store = store
        self._experiment = experiment
        self._split = split
        self._folder = folder
        self._known = known or {}
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
            write_report(found, self._models(), paths[2])
            self._written = len(self._looks)
        return paths

    def _models(self) -> Sequence[Model]:
        ledger, retrains = self._store.routes(), self._store.retrains()
        models = [self._experiment.models[arm] for arm in sorted(self._experiment.models)]
        return [Model.of(ref, ledger, retrains, self._known.get(ref)) for ref in models]
