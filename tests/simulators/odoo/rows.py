"""A company's rows by model. None is an empty value, a pair a reference with its label."""

from typing import Any

Row = dict[str, Any]
MADE, CHANGED = "2026-01-02 08:00:00", "2026-01-04 10:00:00"
COMPANY, EURO, EACH = (1, "Plant Ltd"), (2, "EUR"), (3, "Units")
ACME, PUMP, ANN = (7, "Acme Supply"), (21, "[BRG-1] Bearing 6204"), (5, "Ann Lee")
STAMPS: Row = {"create_date": MADE, "write_date": CHANGED}


def rows_of_a_company(release: int) -> dict[str, list[Row]]:
    # Lines of bills had a type only where they were a heading or a note, before 16.
    goods, tax = ("product", "tax") if release >= 16 else (None, None)
    order = {
        "name": "P00001",
        "partner_id": ACME,
        "partner_ref": "A-1",
        "state": "purchase",
        "date_order": "2026-01-02 09:00:00",
        "date_approve": "2026-01-02 10:00:00",
        "date_planned": "2026-01-20 12:00:00",
        "currency_id": EURO,
        "currency_rate": 1.0,
        "amount_untaxed": 99.9,
        "amount_tax": 9.99,
        "amount_total": 109.89,
        "user_id": ANN,
        "company_id": COMPANY,
        "payment_term_id": (4, "30 Days"),
        "incoterm_id": None,
        "origin": None,
        "notes": None,
        "invoice_status": "no",
        **STAMPS,
    }
    line = {
        "order_id": (1, "P00001"),
        "sequence": 10,
        "product_id": PUMP,
        "name": "Bearing 6204, sealed",
        "product_qty": 10.0,
        "product_uom": EACH,
        "product_uom_id": EACH,
        "price_unit": 9.99,
        "discount": 0.0,
        "price_subtotal": 99.9,
        "price_tax": 9.99,
        "price_total": 109.89,
        "qty_received": 4.0,
        "qty_invoiced": 0.0,
        "date_planned": "2026-01-20 12:00:00",
        "state": "purchase",
        "display_type": None,
        **STAMPS,
    }
    move = {
        "picking_id": (31, "WH/IN/00001"),
        "sequence": 10,
        "product_id": PUMP,
        "product_uom_qty": 10.0,
        "quantity_done": 4.0,
        "quantity": 4.0,
        "product_uom": EACH,
        "location_dest_id": (8, "WH/Stock"),
        "state": "done",
        "price_unit": 9.99,
        **STAMPS,
    }
    request = {
        "name": "Pump leaks",
        "description": None,
        "request_date": "2026-01-02",
        "owner_user_id": ANN,
        "equipment_id": (41, "Pump P-101"),
        "category_id": (2, "Pumps"),
        "user_id": ANN,
        "stage_id": (2, "In Progress"),
        "done": False,
        "priority": "2",
        "kanban_state": "blocked",
        "maintenance_type": "corrective",
        "schedule_date": "2026-01-06 08:00:00",
        "duration": 1.5,
        "close_date": None,
        "archive": False,
        "maintenance_team_id": (1, "Mechanics"),
        "company_id": COMPANY,
        "recurring_maintenance": False,
        "repeat_interval": 1,
        "repeat_unit": "week",
        "repeat_type": "forever",
        "repeat_until": None,
        **STAMPS,
    }
    partner = {
        "ref": None,
        "vat": None,
        "email": None,
        "phone": None,
        "street": None,
        "street2": None,
        "city": None,
        "zip": None,
        "state_id": None,
        "country_id": None,
        "is_company": True,
        "parent_id": None,
        "company_id": None,
        "active": True,
        "supplier_rank": 0,
        **STAMPS,
    }
    bill_line = {
        "move_id": (51, "BILL/1"),
        "sequence": 10,
        "product_id": PUMP,
        "name": "Bearing",
        "quantity": 4.0,
        "product_uom_id": EACH,
        "price_unit": 9.99,
        "discount": 0.0,
        "price_subtotal": 39.96,
        "price_total": 43.96,
        "display_type": goods,
        "exclude_from_invoice_tab": False,
        **STAMPS,
    }
    location = {"barcode": None, "company_id": COMPANY, "active": True, "location_id": None, **STAMPS}
    return {
        "purchase.order": [{"id": 1, **order}, *({"id": n, **order, "name": f"P0000{n}"} for n in range(2, 6))],
        "purchase.order.line": [
            {"id": 11, **line},
            {"id": 12, **line, "display_type": "line_section", "product_id": None, "name": "Spares"},
            *({"id": 10 + n, **line, "order_id": (n, f"P0000{n}")} for n in range(3, 6)),
        ],
        "purchase.requisition": [
            {"id": 1, "name": "TE00001", "user_id": ANN, "vendor_id": None, "state": "ongoing", "date_end": None,
             "currency_id": EURO, "company_id": COMPANY, "description": None, **STAMPS}
        ],
        "purchase.requisition.line": [
            {"id": 11, "requisition_id": (1, "TE00001"), "product_id": PUMP, "product_qty": 10.0,
             "product_uom_id": EACH, "price_unit": 9.5, **STAMPS}
        ],
        "stock.picking": [
            {"id": 31, "name": "WH/IN/00001", "origin": "P00001", "partner_id": ACME, "state": "done",
             "scheduled_date": "2026-01-20 12:00:00", "date_done": "2026-01-03 11:00:00", "company_id": COMPANY,
             "note": None, "purchase_id": (1, "P00001"), "picking_type_id": (1, "Receipts"), **STAMPS},
            {"id": 32, "name": "WH/OUT/00001", "origin": None, "partner_id": None, "state": "draft",
             "scheduled_date": None, "date_done": None, "company_id": COMPANY, "note": None, "purchase_id": None,
             "picking_type_id": (2, "Deliveries"), **STAMPS},
        ],
        "stock.picking.type": [{"id": 1, "code": "incoming"}, {"id": 2, "code": "outgoing"}],
        "stock.move": [{"id": 11, **move}],
        "stock.move.line": [
            {"id": n, "product_id": PUMP, "qty_done": 4.0, "quantity": 4.0, "product_uom_id": EACH,
             "location_id": (9, "Vendors"), "location_dest_id": (8, "WH/Stock"), "date": "2026-01-03 11:00:00",
             "reference": "WH/IN/00001", "picking_id": (31, "WH/IN/00001"), "origin": "P00001", "lot_id": None,
             "state": state, "company_id": COMPANY, **STAMPS}
            for n, state in ((1, "done"), (2, "assigned"))
        ],
        "account.move": [
            {"id": 51, "name": "BILL/1", "ref": "A-778", "partner_id": ACME, "move_type": "in_invoice",
             "invoice_date": "2026-01-04", "invoice_date_due": "2026-02-03", "date": "2026-01-04", "state": "posted",
             "payment_state": "not_paid", "amount_untaxed": 39.96, "amount_tax": 4.0, "amount_total": 43.96,
             "currency_id": EURO, "company_id": COMPANY, "invoice_origin": "P00001", **STAMPS},
            {"id": 52, "name": "INV/1", "ref": None, "partner_id": ACME, "move_type": "out_invoice", "state": "draft",
             "currency_id": EURO, **STAMPS},
            {"id": 53, "name": "/", "ref": None, "partner_id": ACME, "move_type": "in_invoice", "state": "draft",
             "currency_id": EURO, **STAMPS},
        ],
        "account.move.line": [
            {"id": 61, **bill_line},
            {"id": 62, **bill_line, "display_type": tax, "exclude_from_invoice_tab": True},
            {"id": 63, **bill_line, "display_type": "line_section", "product_id": None, "name": "Spares"},
        ],
        "res.partner": [
            {"id": 7, "name": "Acme Supply", **partner, "ref": "V7", "supplier_rank": 2, "street": "1 Mill Road",
             "city": "Ulm", "zip": "89073", "country_id": (57, "Germany"), "phone": "555-0100"},
            {"id": 8, "name": "Only a customer", **partner},
            {"id": 9, "name": "Gone Ltd", **partner, "supplier_rank": 1, "active": False},
        ],
        "res.company": [{"id": 1, "name": "Plant Ltd", "currency_id": EURO, **STAMPS}],
        "res.currency": [{"id": 2, "name": "EUR", "active": True, **STAMPS}],
        "account.analytic.account": [{"id": 1, "name": "Maintenance", "code": "M1", "active": True, **STAMPS}],
        "product.product": [
            {"id": 21, "default_code": "BRG-1", "barcode": None, "name": "Bearing 6204", "type": "consu",
             "active": True, "uom_id": EACH, "standard_price": 9.25, "list_price": 14.5,
             "categ_id": (6, "All / Spares"),
             "currency_id": EURO, "description_purchase": None, "product_tmpl_id": (20, "Bearing 6204"), **STAMPS}
        ],
        "product.template": [{"id": 20, **STAMPS, "write_date": "2026-01-05 00:00:00"}],
        "product.category": [
            {"id": 6, "name": "Spares", "complete_name": "All / Spares", "parent_id": None, **STAMPS}
        ],
        "uom.uom": [{"id": 3, "name": "Units", "active": True, **STAMPS}],
        "stock.location": [
            {"id": 8, "name": "Stock", "complete_name": "WH/Stock", "usage": "internal", **location},
            {"id": 9, "name": "Vendors", "complete_name": "Vendors", "usage": "supplier", **location},
        ],
        "stock.warehouse": [
            {"id": 1, "name": "Plant store", "code": "WH", "lot_stock_id": (8, "WH/Stock"), "company_id": COMPANY,
             "active": True, **STAMPS}
        ],
        "stock.quant": [
            {"id": n, "product_id": PUMP, "location_id": place, "lot_id": None, "package_id": None,
             "product_uom_id": EACH, "quantity": 12.5, "reserved_quantity": 2.0, "in_date": MADE, **STAMPS}
            for n, place in ((1, (8, "WH/Stock")), (2, (9, "Vendors")))
        ],
        "maintenance.request": [
            {"id": 1, **request},
            {"id": 2, **request, "name": "Grease", "maintenance_type": "preventive", "kanban_state": "normal",
             "recurring_maintenance": True, "repeat_interval": 2},
        ],
        "maintenance.equipment": [
            {"id": 41, "name": "Pump P-101", "active": True, "category_id": (2, "Pumps"), "partner_id": ACME,
             "partner_ref": "FP-9", "model": "X200", "serial_no": "SN-1", "location": "Hall B", "assign_date": None,
             "cost": 1200.0, "note": None, "warranty_date": "2027-05-01", "scrap_date": None, "owner_user_id": ANN,
             "technician_user_id": ANN, "maintenance_team_id": (1, "Mechanics"), "company_id": COMPANY,
             "effective_date": "2020-05-01", **STAMPS}
        ],
        "maintenance.team": [{"id": 1, "name": "Mechanics", "active": True, "company_id": COMPANY, **STAMPS}],
        "res.users": [{"id": 5, "name": "Ann Lee", "login": "ann", "active": True, "company_id": COMPANY, **STAMPS}],
        "ir.attachment": [
            {"id": 71, "name": "order.pdf", "res_model": "purchase.order", "res_id": 1, "mimetype": "application/pdf",
             "url": None, "type": "binary", "description": None, **STAMPS}
        ],
    }  # fmt: skip
