"""IBM Maximo's JSON interface, built from the published facts of its documentation (lean form, `/api` and `/oslc`).

It refuses what Maximo refuses: a wrong key or password (BMXAA0021E), a session cookie beside a key, conditions with
parentheses or unquoted texts and sort orders without a sign (BMXAA8744E), structures that are unknown (BMXAA8727E) or
forbidden (BMXAA0024E). It gives only what is selected, leaves nulls out, ignores unknown names silently as Maximo
does, caps pages, and hands out next links with an internal host name. Field names of asset, service request and
meter are those of the published description; those of the other structures are facts from documentation.
"""

from tests.simulators.maximo.service import Maximo

__all__ = ["Maximo"]
