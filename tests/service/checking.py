"""What callers got, compared with what the models say and with what the store was told."""

from functools import cache
from pathlib import Path

from ml.split import parse_split
from store.port import ModelRef, Store, Window
from tests.service import world
from tests.service.running import Callers, Response

SPLIT = parse_split("hash:marquee:50")


class Oracle:
    """Knows what each model answers each user, from its own copies."""

    def __init__(self, store: Store, folder: Path, *refs: ModelRef) -> None:
        self._refs = {ref.name: ref for ref in refs}
        self._expected = cache(lambda ref, user: world.expected(store, ref, folder, user))

    def agrees(self, response: Response) -> bool:
        movies, rung = self._expected(self._refs[response.headers["X-Model"]], response.user)
        return (response.body, response.headers["X-Rung"]) == (",".join(movies), rung)


def sound(callers: Callers, oracle: Oracle) -> None:
    """No request failed, and every answer is that of the model it names."""
    assert callers.failures == []
    assert {response.status for response in callers.responses} == {200}
    wrong = [response for response in callers.responses if not oracle.agrees(response)]
    assert wrong == []


def served(callers: Callers) -> list[str]:
    return [response.headers["X-Model"] for response in callers.responses]


def given(callers: Callers) -> list[tuple[object, ...]]:
    """What the callers got, each in the arm of the split rule."""
    return sorted(
        (one.user, SPLIT.arm(one.user), one.headers["X-Model"], one.headers["X-Rung"], one.body)
        for one in callers.responses
        if one.headers["X-Arm"] == str(SPLIT.arm(one.user))
    )


def recorded(store: Store, since: int = 0) -> list[tuple[object, ...]]:
    """What the store was told that was answered from a time in ns on."""
    frame = store.answers(Window(since, 2**62))
    return sorted(frame[["user", "arm", "model", "rung", "movies"]].itertuples(index=False, name=None))
