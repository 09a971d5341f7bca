"""An ECC system of the SOAP-RFC simulator: its tables with a few rows of each, RFC_PING, overload.

Built from bare facts: names, lengths and ABAP types of columns as they are published in data dictionaries and
public SQL models of ECC; keys padded with zeros; dates 00000000 where there is none; amounts stored with two
decimals whatever the currency; one row a language in text tables; one row a span in EQUZ and CSKS. It enforces what
the node does: another user or client is refused, a column, table or condition that is not there is an ABAP
exception, a table the user may not read is NOT_AUTHORIZED, and no dialog process free is HTTP 503.
"""

from .columns import COLUMNS
from .rows import MATERIAL, ORDER, PUMP, STATION
from .system import Ecc

__all__ = ["COLUMNS", "MATERIAL", "ORDER", "PUMP", "STATION", "Ecc"]
