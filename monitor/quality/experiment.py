"""The experiment that runs now, evaluated as it goes on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ml import routes
from ml.experiment.inference import NotEnoughDataError
from ml.experiment.moments import Moments
from ml.experiment.sample_ratio import SplitCheck, check_split
from ml.experiment.sequential import AlwaysValid
from ml.experiment.verdict import Verdict, judge
from ml.running.feeder import Feeder
from ml.running.metrics import Running
from ml.split import Split
from monitor.quality.windows.sliding import Measured
from monitor.quality.windows.viewer import Group
from store.port import ARMS, Route, Store

LOOKS = AlwaysValid()
"""How the experiment is looked at: at any time, as often as one likes."""


@dataclass(frozen=True)
class Look:
    """The experiment up to now; `split_p` is NaN where nothing is to be said of the split."""

    began: Route
    measured: Mapping[Group, Measured]
    verdict: Verdict
    split_p: float


class Experiment:
    """Follows the experiment that the routes say is running: since an arm last got another model.

    Answers that a replica gave from the model before, in the second until it followed, count with the arm.
    """

    def __init__(self, store: Store, split: Split) -> None:
        self._store = store
        self._split = split
        self._began: Route | None = None
        self._feeder = Feeder(store, Running(0))

    def look(self, ledger: Sequence[Route], until: int) -> Look | None:
        """What there is to say of everything before `until`; None without an experiment."""
        began = routes.running(ledger)
        if began is None or until <= began.time:
            return None
        if began != self._began:
            self._began, self._feeder = began, Feeder(self._store, Running(began.time))
        running = self._feeder.advance(until)
        old, new = (running.moments()[arm] for arm in ARMS)
        check = self._check(old, new)
        verdict = judge(old, new, LOOKS, check)
        split_p = check.p_of_all_looks(LOOKS) if check else float("nan")
        return Look(began, _measured(began, running), verdict, split_p)

    def _check(self, old: Moments, new: Moments) -> SplitCheck | None:
        share2 = self._split.share2
        if share2 is None or not 0 < share2 < 1:
            return None
        try:
            return check_split(old, new, share2)
        except NotEnoughDataError:
            return None


def _measured(began: Route, running: Running) -> Mapping[Group, Measured]:
    requests = {arm: int(moments.sum("requests")) for arm, moments in running.moments().items()}
    serving = routes.both(began.models)
    return {
        (arm, serving[arm].name): Measured(requests[arm], online) for arm, online in running.metrics().items()
    }
