"""Which user belongs to which arm. The same rule gives the same arm in every process, for ever."""

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from decimal import Decimal
from hashlib import sha256

_PERCENT = re.compile(r"[0-9]{1,3}(\.[0-9]{1,6})?")
_HASHES = 2**64


class Split(ABC):
    """A rule that puts every user into arm 1 or arm 2.

    `share2` is the share of users that is expected in arm 2, None where it depends on which users there are.
    """

    share2: float | None = None

    @abstractmethod
    def arm(self, user: int) -> int:
        """1 or 2."""


@dataclass(frozen=True)
class HashSplit(Split):
    """Arm 2 for `percent` of 100 users, independent of any order in their ids.

    The first 8 bytes of SHA-256 over `SALT:USER` (UTF-8, decimal), read as a big-endian number below 2^64,
    are compared with `percent` / 100 * 2^64. Users of arm 2 stay there when the percentage is raised.
    """

    salt: str
    percent: Decimal
    share2: float = field(init=False)
    _prefix: bytes = field(init=False, repr=False)
    _below: int = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "share2", float(self.percent / 100))
        object.__setattr__(self, "_prefix", f"{self.salt}:".encode())
        object.__setattr__(self, "_below", int(self.percent * _HASHES // 100))

    def arm(self, user: int) -> int:
        digest = sha256(self._prefix + b"%d" % user).digest()
        return 2 if int.from_bytes(digest[:8], "big") < self._below else 1


@dataclass(frozen=True)
class FirstDigitSplit(Split):
    """Arm 1 where the first decimal digit of the user's id is odd, else arm 2."""

    def arm(self, user: int) -> int:
        return 1 if str(user)[0] in "13579" else 2


@dataclass(frozen=True)
class ThresholdSplit(Split):
    """Arm 1 for users below `first_of_arm_2`, else arm 2."""

    first_of_arm_2: int

    def arm(self, user: int) -> int:
        return 1 if user < self.first_of_arm_2 else 2


def parse_split(text: str) -> Split:
    """The rule `hash:SALT:PERCENT`, `first-digit` or `threshold:USER`; ValueError says what is wrong."""
    kind, *rest = text.split(":")
    match kind, rest:
        case "hash", [salt, percent] if salt:
            return HashSplit(salt, _percent(percent))
        case "first-digit", []:
            return FirstDigitSplit()
        case "threshold", [user] if re.fullmatch("[0-9]{1,18}", user):
            return ThresholdSplit(int(user))
    raise ValueError(f"{text!r} is no split: expected hash:SALT:PERCENT, first-digit or threshold:USER")


def _percent(text: str) -> Decimal:
    if not _PERCENT.fullmatch(text) or Decimal(text) > 100:
        raise ValueError(f"{text!r} is no percentage of arm 2: expected a number from 0 to 100")
    return Decimal(text)
