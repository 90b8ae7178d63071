"""How an answer comes about."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from ml.knn import Contribution, KnnModel
from ml.split import Split
from service.fresh import Histories
from service.holder import Holder, Loaded
from service.recorder import Recorder
from store.port import Answer


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a user would be answered now, and what of the user's history adds to the score of each movie."""

    answer: Answer
    because: Sequence[Sequence[Contribution]]


@dataclass(frozen=True, slots=True)
class Answering:
    """The rule for the arm, the models, the users' newest events, the account of what was answered."""

    split: Split
    holder: Holder
    histories: Histories
    recorder: Recorder

    def answer(self, user: int) -> Answer:
        """What the user is recommended; NoModelError where there is nothing to answer from."""
        answer, _ = self._made(user)
        self.recorder.add(answer)
        return answer

    def explain(self, user: int) -> Explanation:
        """What the user would be recommended and why; not recorded, nobody is recommended anything."""
        answer, serving = self._made(user)
        because = [serving.model.because(user, answer.fresh, movie) for movie in answer.movies]
        return Explanation(answer, because)

    def _made(self, user: int) -> tuple[Answer, Loaded]:
        arm = self.split.arm(user)
        serving = self.holder.serving()[arm]
        fresh = self._fresh(serving.model, user)
        with serving.turn:
            movies, rung = serving.model.recommend(user, fresh)
        return Answer(time.time_ns(), user, arm, serving.ref, rung, movies, fresh), serving

    def _fresh(self, model: KnnModel, user: int) -> dict[str, float]:
        """What the store tells now of the user beyond the model's own row, as an answer takes it."""
        known = model.seen(user)
        return model.fresh(user, self.histories.of(user, known))

    def close(self) -> None:
        """End all that goes on in the background; answers that wait are written first."""
        self.recorder.close()
        self.holder.close()
