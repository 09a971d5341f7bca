"""The engine is killed at random moments while its source changes; nothing is lost, doubled or untrue afterwards.

The long form, with 200 kills and figures, is `python -m tests.benchmarks.kill_loop`.
"""

import random
from pathlib import Path

import pytest

from appliance.clock import SystemClock
from tests.support.kills import KillLoop
from tests.support.living import LivingSources
from tests.support.plant import CONNECTORS
from tests.support.program import Program

KILLS = 10

pytestmark = pytest.mark.crash


def test_a_source_that_changes_under_a_killed_engine_is_held_as_it_is(tmp_path: Path) -> None:
    seed = random.randrange(10**9)
    print(f"seed {seed}")
    program = Program(tmp_path, connectors_dir=str(CONNECTORS))
    with LivingSources(SystemClock()) as sources, program:
        loop = KillLoop(program, sources, seed)
        for _ in range(KILLS):
            loop.kill_once()
        assert loop.hits >= 2, "else the kills hit nothing"
        loop.settle()
