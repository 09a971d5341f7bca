"""An InvenTree server made from `api.json`: parameters and fields of the lists, as its published schema names them."""

from .server import TOKEN, InvenTree

__all__ = ["TOKEN", "InvenTree"]
