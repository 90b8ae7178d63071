"""Did the users, and their requests, reach the arms in the ratio that the split rule promised?"""

from dataclasses import dataclass

import numpy as np
from scipy import special

from ml.experiment.inference import NotEnoughDataError, rank, solve
from ml.experiment.moments import BEFORE, Moments
from ml.experiment.sequential import Evidence, Monitoring

LEVEL = 0.005
"""p below which the split counts as broken."""
EXPECTED_LOSS = 0.08
"""Share of an arm's requests whose loss the check is tuned to find where the number of looks is open."""
_COLUMNS = ("users", "requests", BEFORE + "requests")


@dataclass(frozen=True)
class SplitCheck:
    """`users` and `requests` of arms 1 and 2, and the share of users expected in arm 2.

    `chi2`, with `freedom` degrees, and its `p` (for one look) speak against the split rule. `deviations` are
    arm 2's surplus of users and of requests in standard errors, to tell what is missing where.
    """

    users: tuple[int, int]
    requests: tuple[int, int]
    share2: float
    chi2: float
    freedom: int
    deviations: tuple[float, float]

    @property
    def p(self) -> float:
        """Chance of a chi2 at least this large where the split is sound."""
        return float(special.chdtrc(self.freedom, self.chi2))

    def p_of_all_looks(self, monitoring: Monitoring) -> float:
        """`p` that in a sound split falls below a level, at any look, with at most that chance."""
        information = EXPECTED_LOSS**2 * self.share2 * (1 - self.share2) * sum(self.users)
        return monitoring.p(Evidence(self.p, self.chi2, self.freedom, information))

    def broken(self, monitoring: Monitoring) -> bool:
        """Whether the split is reported as broken; wrong at any look with at most the chance LEVEL."""
        return self.p_of_all_looks(monitoring) <= LEVEL


def check_split(old: Moments, new: Moments, share2: float) -> SplitCheck:
    """Test of the users, their requests now, and those before the experiment where they are known, jointly.

    Under the rule every user is in arm 2 with chance `share2`, whatever the user does. So for any value g of
    users, sum over arm 2 of g - share2 * sum of g has mean 0 and variance share2 (1 - share2) sum g^2, and
    the quadratic form of several such sums is chi-square: the randomisation test of R. A. Fisher with its
    normal limit. With g = 1 alone it is the usual chi-square test for sample ratio mismatch (A. Fabijan et
    al., Diagnosing Sample Ratio Mismatch, KDD 2019), which does not see lost requests of users who have
    others.

    NotEnoughDataError where there is no user, ValueError where `share2` is not between 0 and 1.
    """
    if not 0 < share2 < 1:
        raise ValueError(f"the share of arm 2 is {share2}: expected one between 0 and 1")
    if old.n + new.n == 0:
        raise NotEnoughDataError("nobody has requested yet")
    both = (old + new).take(_COLUMNS)
    surplus = new.take(_COLUMNS).sums - share2 * both.sums
    spread = share2 * (1 - share2) * both.products
    single = surplus / np.sqrt(np.diag(spread)).clip(min=1e-300)
    return SplitCheck(
        users=(old.n, new.n),
        requests=(int(old.sum("requests")), int(new.sum("requests"))),
        share2=share2,
        chi2=float(surplus @ solve(spread, surplus)),
        freedom=rank(spread),
        deviations=(float(single[0]), float(single[1])),
    )
