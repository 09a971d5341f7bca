"""The sandbox: one pass over its rows proves what is gone."""

from tests.connectors.narrowing import unproven
from tests.runtime.opened import opened


def test_a_pass_over_the_sample_proves_what_is_gone() -> None:
    connector = opened("sandbox", {})
    assert unproven(connector) == set()
