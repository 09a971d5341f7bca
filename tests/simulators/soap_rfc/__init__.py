"""A strict simulator of SAP's SOAP-RFC node with RFC_READ_TABLE and one BAPI, for tests.

It stands for a system that cannot run here. Built from public descriptions of the node and the module: envelope
without prefixes for parameters, tables returned only when sent, answers in `<module>.Response`, ABAP exceptions as
HTTP 500 with a fault; OPTIONS of 72 characters a line, laid end to end with their blanks; rows of at most 512
characters with a delimiter between columns, described by OFFSET and LENGTH, blanks at the end cut off; numbers with
the sign behind; ROWSKIPS and ROWCOUNT. Where they leave a choice it takes the stricter one: a full line of 72 or an
operator without blanks is OPTION_NOT_VALID.
"""

from .node import SapNode, Table

__all__ = ["SapNode", "Table"]
