"""What the gate asks of a model."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Bar:
    """What a model must be like to serve.

    `sample_users` are asked for, each answer within `answer_ms`, all of it within `seconds`. At least
    `fewest_users` and at most `most_users` are foretold. A movie counts where its user was for it with a
    strength (`ml.matrix`) of `liked`: 0.8 is four stars or a movie seen to the end. Recall@20 may be lower
    than the serving model's by the share `margin`. Intervals of that `confidence` come from `resamples`
    bootstrap samples.
    """

    sample_users: int
    most_users: int
    fewest_users: int
    liked: float
    folds: int
    margin: float
    confidence: float
    resamples: int
    seed: int
    answer_ms: int
    seconds: int
