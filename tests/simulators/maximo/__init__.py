"""IBM Maximo's JSON interface, built from the published facts of its documentation (lean form, `/api` and `/oslc`).

It refuses what Maximo refuses: a wrong key or password (BMXAA0021E), a session cookie beside a key, conditions with
parentheses or unquoted texts and sort orders without a sign (BMXAA8744E), structures that are unknown (BMXAA8727E) or
forbidden (BMXAA0024E). It gives only what is selected, leaves nulls out, caps pages, and hands out next links with an
internal host name. `published.yaml` has the attributes of asset, service request and meter and the parameters of a
list; other names there are refused. Names of the other structures are facts from documentation, and unknown ones are
passed over silently, as Maximo does.
"""

from tests.simulators.maximo.service import Maximo

__all__ = ["Maximo"]
