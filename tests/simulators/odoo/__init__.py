"""Odoo's outside interfaces, built from published facts: XML-RPC of 14 to 18 and JSON-2 of 19.

It refuses what Odoo refuses: a wrong password is False at sign-in and fault 3 at a call, a model without rights is
fault 4 (or status 403), an unknown field or model a fault with a traceback in it, a nested domain an error. Empty
values are False whatever the type, references `[id, label]`, times naive UTC in whole seconds; archived rows are
hidden unless the context says `active_test: false`. Fields of the releases are those of the published model sources.
"""

from tests.simulators.odoo.service import Odoo

__all__ = ["Odoo"]
