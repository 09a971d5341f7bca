"""What a connection costs: by tier, twice as much where the source system is installed on premises.

On premises means where the source system runs, not where this appliance runs.
"""

from typing import Literal

Hosting = Literal["cloud", "on_premises"]

CLOUD_CREDITS = {1: 1, 2: 2, 3: 4}
ON_PREMISES_FACTOR = 2


def price(tier: int, hosting: Hosting, *, free: bool = False) -> int:
    """Credits of one connection. Sample data is free."""
    if free:
        return 0
    return CLOUD_CREDITS[tier] * (ON_PREMISES_FACTOR if hosting == "on_premises" else 1)
