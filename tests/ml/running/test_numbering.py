import numpy as np
import pytest

from ml.running.numbering import Numbering


@pytest.mark.parametrize("spread", [20, 10**4, 2**62], ids=["few keys", "thousands", "any"])
def test_keys_get_the_numbers_that_a_dictionary_gives_them(spread: int) -> None:
    rng, numbering, known = np.random.default_rng(1), Numbering(), dict[int, int]()
    for _ in range(30):
        keys = rng.integers(-spread, spread, rng.integers(3000))
        expected = [known.setdefault(key, len(known)) for key in keys.tolist()]
        assert numbering.add(keys).tolist() == expected
    assert numbering.keys.tolist() == list(known)
    wanted = rng.integers(-spread, spread, 3000)
    assert numbering.find(wanted).tolist() == [known.get(key, -1) for key in wanted.tolist()]
