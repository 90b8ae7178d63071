"""How an answer comes about."""

import time
from dataclasses import dataclass

from ml.split import Split
from service.fresh import Histories
from service.holder import Holder
from service.recorder import Recorder
from store.port import Answer


@dataclass(frozen=True, slots=True)
class Answering:
    """The rule for the arm, the models, the users' newest events, the account of what was answered."""

    split: Split
    holder: Holder
    histories: Histories
    recorder: Recorder

    def answer(self, user: int) -> Answer:
        """What the user is recommended; NoModelError where there is nothing to answer from."""
        arm = self.split.arm(user)
        serving = self.holder.serving()[arm]
        fresh = serving.model.fresh(user, self.histories.of(user))
        with serving.turn:
            movies, rung = serving.model.recommend(user, fresh)
        answer = Answer(time.time_ns(), user, arm, serving.ref, rung, movies, fresh)
        self.recorder.add(answer)
        return answer

    def close(self) -> None:
        """End all that goes on in the background; answers that wait are written first."""
        self.recorder.close()
        self.holder.close()
