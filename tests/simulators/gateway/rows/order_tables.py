"""The orders as the four entity sets of API_PURCHASEORDER_PROCESS_SRV."""

from collections.abc import Callable, Mapping, Sequence

from ..odata.metadata import EntityType, Property, Service
from ..odata.wire import Value, from_json
from .data import FIRST_NUMBER, MAX_LINES, Orders
from .tables import Row, Table


class OrderTable:
    """A_PurchaseOrder; number and dates are read from columns, everything else from the row."""

    def __init__(self, entity: EntityType, orders: Orders) -> None:
        self.entity = entity
        self._orders = orders

    @property
    def version(self) -> int:
        return self._orders.version

    def positions(self) -> Sequence[int]:
        return self._orders.positions()

    def row(self, position: int) -> Row:
        return self._orders.header(position)

    def row_version(self, position: int) -> int:
        return self._orders.row_versions.get(position, 0)

    def column(self, prop: Property) -> Callable[[int], Value]:
        created, changed = self._orders.created, self._orders.changed
        match prop.name:
            case "PurchaseOrder":
                return lambda position: str(FIRST_NUMBER + position)
            case "CreationDate":
                return lambda position: created[position]
            case "LastChangeDateTime":
                return lambda position: None if changed[position] < 0 else changed[position]
        return lambda position: from_json(self._orders.header(position)[prop.name], prop)

    def where(self, values: Mapping[str, str]) -> Sequence[int]:
        position = self._orders.position(values["PurchaseOrder"][1:-1])
        return [] if position is None else [position]


class LineTable:
    """One row for each line of each order: the items, their schedule lines or their account assignments.

    A position is the one of the order times MAX_LINES plus the index of the line. `number` names the
    property that holds the order number.
    """

    def __init__(
        self, entity: EntityType, orders: Orders, read: Callable[[int, int], Row | None], number: str
    ) -> None:
        self.entity = entity
        self._orders = orders
        self._read = read
        self._number = number

    @property
    def version(self) -> int:
        return self._orders.version

    def positions(self) -> Sequence[int]:
        return [position for order in self._orders.positions() for position in self._of_order(order)]

    def row(self, position: int) -> Row:
        row = self._read(*divmod(position, MAX_LINES))
        if row is None:
            raise LookupError(f"no row at position {position}")
        return row

    def row_version(self, position: int) -> int:
        return self._orders.row_versions.get(position // MAX_LINES, 0)

    def column(self, prop: Property) -> Callable[[int], Value]:
        if prop.name == self._number:
            return lambda position: str(FIRST_NUMBER + position // MAX_LINES)
        return lambda position: from_json(self.row(position)[prop.name], prop)

    def where(self, values: Mapping[str, str]) -> Sequence[int]:
        order = self._orders.position(values[self._number][1:-1])
        if order is None:
            return []
        others = [(name, text) for name, text in values.items() if name != self._number]
        found = self._of_order(order)
        if not others:
            return found
        return [
            position for position in found if all(self.row(position)[name] == text for name, text in others)
        ]

    def _of_order(self, order: int) -> Sequence[int]:
        positions = range(order * MAX_LINES, order * MAX_LINES + self._orders.line_count(order))
        if self._read == self._orders.account:
            return [
                position for position in positions if self._read(*divmod(position, MAX_LINES)) is not None
            ]
        return positions


def order_tables(service: Service, orders: Orders) -> dict[str, Table]:
    """The tables by set name."""
    sets = service.sets
    return {
        "A_PurchaseOrder": OrderTable(sets["A_PurchaseOrder"], orders),
        "A_PurchaseOrderItem": LineTable(sets["A_PurchaseOrderItem"], orders, orders.item, "PurchaseOrder"),
        "A_PurchaseOrderScheduleLine": LineTable(
            sets["A_PurchaseOrderScheduleLine"], orders, orders.schedule, "PurchasingDocument"
        ),
        "A_PurOrdAccountAssignment": LineTable(
            sets["A_PurOrdAccountAssignment"], orders, orders.account, "PurchaseOrder"
        ),
    }
