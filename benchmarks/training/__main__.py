"""Our fit beside other libraries' on made interactions: `python -m benchmarks.training`.

Every measurement has a process of its own; in each round they take turns. The slow peers run in the first
round only. All neighbours are compared with each other before anything is printed.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks import page
from benchmarks.datasets import SIZES
from benchmarks.training import figures
from benchmarks.training.processes import measure


def main(argv: Sequence[str] | None = None) -> int:
    """Measure the sizes asked for and write the page; 1 where neighbours differ."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.training", description=__doc__)
    parser.add_argument("--sizes", default="S,M,L", help="some of S, M and L, comma-separated")
    parser.add_argument("--rounds", type=int, default=3, help="times that each is measured")
    parser.add_argument("--neighbours", type=int, default=50, help="per movie")
    arguments = parser.parse_args(argv)
    sizes = arguments.sizes.split(",")
    if unknown := set(sizes) - set(SIZES):
        parser.error(f"--sizes: {', '.join(sorted(unknown))}: expected some of {', '.join(SIZES)}")
    try:
        for size in sizes:
            figures.keep(measure(size, arguments.neighbours, arguments.rounds))
    except ValueError as error:
        print(f"benchmarks.training: {error}", file=sys.stderr)
        return 1
    page.publish(figures.training(figures.kept(Path(figures.FOLDER))))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
