"""What the unified records have to be, from what Odoo 14 itself says of its rows: by the codec of the standard
library, with domains of our own, and without the connector."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from appliance.model.keys import unified_key
from tests.real.odoo import Odoo, Row
from tests.runtime.opened import MODEL, PART

Record = dict[str, Any]


def key(entity: str, *parts: object) -> str | None:
    return unified_key(str(MODEL.entities[entity].prefix), PART, [str(part) for part in parts])


def to(entity: str, value: Any) -> str | None:
    """The key of the record that a many2one value leads to."""
    return key(entity, value[0]) if value else None


def label(value: Any) -> str | None:
    return value[1] if value else None


def text(value: Any) -> str | None:
    return value or None


def moment(value: Any) -> str | None:
    return value.replace(" ", "T") + "Z" if value else None


def day(value: Any) -> str | None:
    return f"{value}T00:00:00Z" if value else None


def number(value: float | bool) -> str | None:
    return None if value is False else repr(value)


def status(scope: str, code: Any) -> str | None:
    return key("Status", scope, code) if code else None


def stamps(row: Row) -> Record:
    return {"createdAt": moment(row["create_date"]), "updatedAt": moment(row["write_date"])}


@dataclass(frozen=True)
class Asked:
    """A model, the rows of it that are meant, and the record of a row; `lines` are a child model, its field of the
    parent, and which of its rows."""

    model: str
    record: Callable[[Row], Record]
    domain: Sequence[Any] = ()
    lines: tuple[str, str, Sequence[Any]] | None = None
    line: Callable[[Row, Row], Record] | None = None

    def rows(self, odoo: Odoo) -> list[Row]:
        return odoo.rows(self.model, domain=self.domain)

    def records(self, odoo: Odoo) -> dict[int, Record]:
        """By id; the line items in the order of their ids."""
        rows = {row["id"]: row for row in self.rows(odoo)}
        found = {number: self.record(row) for number, row in rows.items()}
        if self.lines is not None and self.line is not None:
            model, parent, domain = self.lines
            for record in found.values():
                record["lineItems"] = []
            for line in odoo.rows(model, domain=[*domain, [parent, "in", list(found)]]):
                of = line[parent][0]
                found[of]["lineItems"].append(self.line(line, rows[of]))
        return found


def order(row: Row) -> Record:
    return {
        "key": key("PurchaseOrder", row["id"]),
        "organizationKey": to("Organization", row["company_id"]),
        "orderDate": moment(row["date_order"]),
        "vendorKey": to("Vendor", row["partner_id"]),
        "userRequestedKey": to("User", row["user_id"]),
        "orderNo": row["name"],
        "statusKey": status("purchase-orders", row["state"]),
        "title": text(row["partner_ref"]) or text(row["origin"]),
        "dueAt": moment(row["date_planned"]),
        "approvedAt": moment(row["date_approve"]),
        "shippingMethod": label(row["incoterm_id"]),
        "terms": label(row["payment_term_id"]),
        "notes": text(row["notes"]),
        "currencyKey": to("Currency", row["currency_id"]),
        "totalNetValue": number(row["amount_untaxed"]),
        "totalGrossValue": number(row["amount_total"]),
        "customFields": {
            "vendorReference": row["partner_ref"],
            "origin": row["origin"],
            "invoiceStatus": row["invoice_status"],
            "currencyRate": row["currency_rate"],
            "tax": row["amount_tax"],
        },
        "updatedAt": moment(row["write_date"]),
    }


def order_line(line: Row, row: Row) -> Record:
    return {
        "key": key("LineItem", line["id"]),
        "vendorKey": to("Vendor", row["partner_id"]),
        "materialKey": to("Part", line["product_id"]),
        "productKey": to("Product", line["product_id"]),
        "statusKey": status("purchase-orders", line["state"]),
        "lineNo": str(line["sequence"]),
        "name": label(line["product_id"]),
        "description": text(line["name"]),
        "quantity": number(line["product_qty"]),
        "receivedQuantity": number(line["qty_received"]),
        "uomKey": to("UnitOfMeasure", line["product_uom"]),
        "currencyKey": to("Currency", row["currency_id"]),
        "price": number(line["price_unit"]),
        "lineTaxValue": number(line["price_tax"]),
        "lineTotalValue": number(line["price_total"]),
        "dueAt": moment(line["date_planned"]),
        **stamps(line),
    }


def agreement(row: Row) -> Record:
    return {
        "key": key("PurchaseRequisition", row["id"]),
        "requesterKey": to("User", row["user_id"]),
        "userRequestedKey": to("User", row["user_id"]),
        "code": row["name"],
        "statusKey": status("purchase-requisitions", row["state"]),
        "customFields": {"endsAt": row["date_end"], "company": label(row["company_id"])},
        **stamps(row),
    }


def agreement_line(line: Row, row: Row) -> Record:
    return {
        "key": key("LineItem", "requisition", line["id"]),
        "vendorKey": to("Vendor", row["vendor_id"]),
        "materialKey": to("Part", line["product_id"]),
        "productKey": to("Product", line["product_id"]),
        "name": label(line["product_id"]),
        "quantity": number(line["product_qty"]),
        "uomKey": to("UnitOfMeasure", line["product_uom_id"]),
        "currencyKey": to("Currency", row["currency_id"]),
        "price": number(line["price_unit"]),
        **stamps(line),
    }


def receipt(row: Row) -> Record:
    return {
        "key": key("Receipt", row["id"]),
        "vendorKey": to("Vendor", row["partner_id"]),
        "poKey": to("PurchaseOrder", row["purchase_id"]),
        "code": row["name"],
        "orderNo": text(row["origin"]),
        "orderDate": moment(row["scheduled_date"]),
        "notes": text(row["note"]),
        "completedAt": moment(row["date_done"]),
        "customFields": {"state": row["state"], "company": label(row["company_id"])},
        **stamps(row),
    }


def receipt_line(line: Row, row: Row) -> Record:
    return {
        "key": key("LineItem", "move", line["id"]),
        "locationKey": to("Location", line["location_dest_id"]),
        "vendorKey": to("Vendor", row["partner_id"]),
        "materialKey": to("Part", line["product_id"]),
        "productKey": to("Product", line["product_id"]),
        "statusKey": status("receipts", line["state"]),
        "lineNo": str(line["sequence"]),
        "name": label(line["product_id"]),
        "quantity": number(line["product_uom_qty"]),
        "receivedQuantity": number(line["quantity_done"]),
        "uomKey": to("UnitOfMeasure", line["product_uom"]),
        "price": number(line["price_unit"]),
        **stamps(line),
    }


def bill(row: Row) -> Record:
    # A draft has no number yet, which Odoo 14 writes as a stroke.
    named = text(row["ref"]) or (row["name"] if row["name"] != "/" else None)
    return {
        "key": key("Invoice", row["id"]),
        "title": named,
        "invoiceNumber": named,
        "vendorKey": to("Vendor", row["partner_id"]),
        "statusKey": status("invoices", row["state"]),
        "invoiceDate": text(row["invoice_date"]),
        "dueDate": text(row["invoice_date_due"]),
        "receivedDate": text(row["date"]),
        "currencyKey": to("Currency", row["currency_id"]),
        "totalNetValue": number(row["amount_untaxed"]),
        "totalTaxValue": number(row["amount_tax"]),
        "totalGrossValue": number(row["amount_total"]),
        "customFields": {
            "number": row["name"],
            "type": row["move_type"],
            "paymentState": row["payment_state"],
            "origin": row["invoice_origin"],
            "company": label(row["company_id"]),
        },
        **stamps(row),
    }


def bill_line(line: Row, row: Row) -> Record:
    return {
        "key": key("InvoiceLineItem", line["id"]),
        "vendorKey": to("Vendor", row["partner_id"]),
        "productKey": to("Product", line["product_id"]),
        "currencyKey": to("Currency", row["currency_id"]),
        "lineNo": str(line["sequence"]),
        "lineRef": text(line["name"]),
        "quantity": number(line["quantity"]),
        "uomKey": to("UnitOfMeasure", line["product_uom_id"]),
        "price": number(line["price_unit"]),
        "discount": number(line["discount"]),
        "lineTotalValue": number(line["price_total"]),
        **stamps(line),
    }
