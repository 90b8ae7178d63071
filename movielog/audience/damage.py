"""Lines as a careless writer leaves them behind."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from numpy.random import Generator

_DAMAGES: Sequence[Callable[[bytes, bytes, bytes], bytes]] = (
    lambda time, user, told: b" ".join((time, user, told)),  # no commas between the fields
    lambda time, user, told: b"%s,%s,%s" % (time, user, told[:6]),  # cut off
    lambda time, user, told: b"%s,-%s,%s" % (time, user, told),
    lambda _, user, told: b"2022-13-45T99:38:49,%s,%s" % (user, told),
    lambda time, user, told: b"%s,%s,%s\xff" % (time, user, told),  # not UTF-8
    lambda time, user, told: b"%s,%s,POST %s" % (time, user, told),
    lambda time, user, _: b"%s,%s,GET /rate/the+rating+is+missing" % (time, user),
    lambda *_: b"test, data",
)


def damaged(line: bytes, rng: Generator) -> bytes:
    """A line like this one that tells no event."""
    time, user, told = line.split(b",", 2)
    return _DAMAGES[int(rng.integers(len(_DAMAGES)))](time, user, told)


def with_damage(lines: Iterable[bytes], share: float, rng: Generator) -> Iterator[bytes]:
    """All lines, and damaged ones among them: `share` of the result on average, from 0 to below 1."""
    for line in lines:
        yield line
        if share and rng.random() < share / (1 - share):
            yield damaged(line, rng)
