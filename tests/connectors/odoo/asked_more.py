"""The same of products, stock and maintenance."""

from tests.connectors.odoo.asked import Record, day, key, label, moment, number, stamps, status, text, to
from tests.real.odoo import Row


def vendor(row: Row) -> Record:
    return {
        "key": key("Vendor", row["id"]),
        "name": row["name"],
        "code": text(row["ref"]),
        "organizationKey": to("Organization", row["company_id"]),
        "customFields": {name: row[name] for name in ("vat", "email", "phone", "active")},
        **stamps(row),
    }


def part(row: Row) -> Record:
    return {
        "key": key("Part", row["id"]),
        "categoryName": label(row["categ_id"]),
        "code": text(row["default_code"]),
        "partNumber": text(row["default_code"]),
        "name": row["name"],
        "description": text(row["description_purchase"]),
        "isActive": row["active"],
        "uomKey": to("UnitOfMeasure", row["uom_id"]),
        "cost": number(row["standard_price"]),
        "currency": label(row["currency_id"]),
        "customFields": {
            "type": row["type"],
            "barcode": row["barcode"],
            "template": row["product_tmpl_id"][0],
        },
        **stamps(row),
    }


def product(row: Row) -> Record:
    return {
        "key": key("Product", row["id"]),
        "groupKey": to("ProductGroup", row["categ_id"]),
        "uomKey": to("UnitOfMeasure", row["uom_id"]),
        "code": text(row["default_code"]),
        "name": row["name"],
        "description": text(row["description_purchase"]),
        "type": row["type"],
        "price": number(row["list_price"]),
        "currencyKey": to("Currency", row["currency_id"]),
        "ean": text(row["barcode"]),
        "partNumber": text(row["default_code"]),
        "customFields": {"active": row["active"]},
        **stamps(row),
    }


def group(row: Row) -> Record:
    return {
        "key": key("ProductGroup", row["id"]),
        "parentKey": to("ProductGroup", row["parent_id"]),
        "code": str(row["id"]),
        "name": row["name"],
        "description": row["complete_name"],
        **stamps(row),
    }


def unit(row: Row) -> Record:
    return {
        "key": key("UnitOfMeasure", row["id"]),
        "name": row["name"],
        "code": row["name"],
        "isActive": row["active"],
    }


def location(row: Row) -> Record:
    return {
        "key": key("Location", row["id"]),
        "parentKey": to("Location", row["location_id"]),
        "organizationKey": to("Organization", row["company_id"]),
        "name": row["name"],
        "description": row["complete_name"],
        "code": text(row["barcode"]) or row["name"],
        "type": row["usage"],
        "isActive": row["active"],
        **stamps(row),
    }


def storeroom(row: Row) -> Record:
    return {
        "key": key("Storeroom", row["id"]),
        "locationKey": to("Location", row["lot_stock_id"]),
        "code": row["code"],
        "name": row["name"],
        "customFields": {"active": row["active"]},
        **stamps(row),
    }


def stock(row: Row) -> Record:
    return {
        "key": key("Stock", row["id"]),
        "productKey": to("Product", row["product_id"]),
        "materialKey": to("Part", row["product_id"]),
        "locationKey": to("Location", row["location_id"]),
        "position": label(row["location_id"]),
        "uomKey": to("UnitOfMeasure", row["product_uom_id"]),
        "quantity": number(row["quantity"]),
        "customFields": {
            "lot": label(row["lot_id"]),
            "package": label(row["package_id"]),
            "reserved": row["reserved_quantity"],
            "arrivedAt": row["in_date"],
        },
        **stamps(row),
    }


def transfer(row: Row) -> Record:
    return {
        "key": key("StockTransfer", row["id"]),
        "organizationKey": to("Organization", row["company_id"]),
        "fromLocationKey": to("Location", row["location_id"]),
        "toLocationKey": to("Location", row["location_dest_id"]),
        "statusKey": status("stock-transfers", row["state"]),
        "code": text(row["reference"]),
        "date": moment(row["date"]),
        "orderNumber": text(row["origin"]),
        "shipmentNumber": label(row["picking_id"]),
        "customFields": {"lot": label(row["lot_id"])},
        "lineItems": [
            {
                "productKey": to("Product", row["product_id"]),
                "materialKey": to("Part", row["product_id"]),
                "quantity": number(row["qty_done"]),
                "locationKey": to("Location", row["location_dest_id"]),
            }
        ],
        **stamps(row),
    }


def request(row: Row) -> Record:
    return {
        "key": key("WorkOrder", row["id"]),
        "assetKey": to("Asset", row["equipment_id"]),
        "title": row["name"],
        "code": str(row["id"]),
        "teamKey": to("Team", row["maintenance_team_id"]),
        "organizationKey": to("Organization", row["company_id"]),
        "instructions": text(row["description"]),
        "status": label(row["stage_id"]),
        "statusKey": status("work-orders", row["kanban_state"]),
        "severity": text(row["priority"]),
        "estimatedTime": number(row["duration"]),
        "categoryName": text(row["maintenance_type"]),
        "scheduledAt": moment(row["schedule_date"]),
        "completedAt": day(row["close_date"]),
        "customFields": {
            "done": row["done"],
            "archived": row["archive"],
            "requestedOn": row["request_date"],
            "technician": label(row["user_id"]),
            "requestedBy": label(row["owner_user_id"]),
            "category": label(row["category_id"]),
        },
        **stamps(row),
    }


def equipment(row: Row) -> Record:
    return {
        "key": key("Asset", row["id"]),
        "vendorKey": to("Vendor", row["partner_id"]),
        "teamKey": to("Team", row["maintenance_team_id"]),
        "name": row["name"],
        "isPhysical": True,
        "notes": text(row["note"]),
        "categoryName": label(row["category_id"]),
        "isActive": row["active"],
        "modelName": text(row["model"]),
        "serialNumber": text(row["serial_no"]),
        "activatedAt": day(row["effective_date"]),
        "deactivatedAt": day(row["scrap_date"]),
        "customFields": {
            "location": row["location"],
            "vendorReference": row["partner_ref"],
            "cost": row["cost"],
            "warrantyUntil": row["warranty_date"],
            "assignedOn": row["assign_date"],
            "owner": label(row["owner_user_id"]),
            "technician": label(row["technician_user_id"]),
            "company": label(row["company_id"]),
        },
        **stamps(row),
    }
