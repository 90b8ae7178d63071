"""A process that warmed up has compiled what a model from files needs."""

import subprocess
import sys
from pathlib import Path

from ml import artifact
from ml.knn import Params, fit
from store.port import Window
from tests.ml.worlds import matrix, tastes

_NEW_PROCESS = """
import sys
from pathlib import Path
from ml import artifact
from ml.kernels import scoring
from ml.trial import try_out, warm_up

warm_up()
before = scoring.best.signatures, scoring.row_of.signatures
model = artifact.load(Path(sys.argv[1]))
try_out(model)
model.recommend(3, {"m1": 0.7})
assert (scoring.best.signatures, scoring.row_of.signatures) == before and all(before)
"""


def test_after_warming_up_nothing_is_compiled_for_a_model_from_files(tmp_path: Path) -> None:
    model = fit(matrix(tastes(150, 90)), Params(neighbours=12), "KNN_2_2022-04-08", Window(0, 5))
    artifact.save(model, tmp_path)
    subprocess.run([sys.executable, "-c", _NEW_PROCESS, str(tmp_path)], check=True)
