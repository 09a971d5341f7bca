"""The made-up Anvil system: a strict REST API with OAuth2, cursor paging and faults on demand.

What a real system would forgive is refused: unknown parameters, paths, bodies, formats of times.
"""

from .service import SECRET, Anvil, running

__all__ = ["SECRET", "Anvil", "running"]
