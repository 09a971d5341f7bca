"""Collected only where the published descriptions lie beside the checkout: the facts that the simulators are held to
are in the clone, and every other test needs no more than those."""

from tests.published.originals import DATA

collect_ignore_glob = [] if DATA else ["test_*.py"]
