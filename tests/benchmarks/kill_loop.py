"""Kills the engine at random moments while its source changes, many times, and prints what it went through.

    python -m tests.benchmarks.kill_loop [KILLS] [SEED]

It ends with an error when the store is not as the source, an event was lost, or a check of the database fails. CI does
the same with few kills (tests/crash/test_kill_living.py).
"""

import random
import sys
import tempfile
from pathlib import Path
from time import perf_counter

from appliance.clock import SystemClock
from tests.support.kills import KillLoop
from tests.support.living import LivingSources
from tests.support.plant import CONNECTORS
from tests.support.program import Program


def main() -> None:
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(10**9)
    print(f"seed {seed}")
    began = perf_counter()
    with (
        tempfile.TemporaryDirectory() as folder,
        LivingSources(SystemClock()) as sources,
        Program(Path(folder), connectors_dir=str(CONNECTORS)) as program,
    ):
        loop = KillLoop(program, sources, seed)
        for number in range(1, kills + 1):
            loop.kill_once()
            if number % 20 == 0:
                print(
                    f"{number} kills, {loop.hits} in the middle of a run, {perf_counter() - began:.0f} s",
                    flush=True,
                )
        loop.settle()
        for name, value in loop.figures().items():
            print(f"{name:40}{value:>10,}")
    print(f"{'seconds':40}{perf_counter() - began:>10,.0f}")


if __name__ == "__main__":
    main()
