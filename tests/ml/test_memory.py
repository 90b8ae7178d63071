"""What is freed is free for other processes."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest

from ml.memory import give_back


@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells what a process holds")
def test_what_was_freed_between_things_that_stay_goes_back_to_the_machine() -> None:
    before = _resident()
    arrays = [np.ones(8_000) for _ in range(2_000)]
    staying = arrays[::200]
    del arrays
    give_back()
    assert _resident() - before < 30e6
    assert len(staying) == 10


def _resident() -> int:
    """Bytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")
