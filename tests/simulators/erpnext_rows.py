"""Documents of one small ERPNext site, in Europe/Berlin."""

from typing import Any

Document = dict[str, Any]

CREATED, MODIFIED = "2026-01-02 09:00:00.000000", "2026-01-03 10:30:00.250000"


def document(name: str, **fields: Any) -> Document:
    return {
        "name": name,
        "owner": "anna@plant.example",
        "creation": CREATED,
        "modified": MODIFIED,
        "modified_by": "anna@plant.example",
        "docstatus": 0,
        "idx": 0,
        **fields,
    }


def child(name: str, number: int, **fields: Any) -> Document:
    return {**document(name), "idx": number, **fields}


def order(number: int, status: str = "To Receive and Bill") -> Document:
    name = f"PUR-ORD-2026-{number:05}"
    line = child(
        f"poi{number}",
        1,
        item_code="SEAL/1",
        item_name="Seal",
        description="<p>Seal</p>",
        supplier_part_no="S-77",
        qty=2.5,
        received_qty=1.0,
        uom="Nos",
        rate=12.345,
        discount_amount=0.0,
        amount=30.86,
        warehouse="Stores - P",
        cost_center="Main - P",
        schedule_date="2026-02-01",
    )
    return document(
        name,
        title="Pumps Ltd",
        supplier="SUP-1",
        supplier_name="Pumps Ltd",
        company="Plant Ltd",
        transaction_date="2026-01-02",
        schedule_date="2026-02-01",
        currency="EUR",
        conversion_rate=1.0,
        net_total=30.86,
        grand_total=36.72,
        base_grand_total=36.72,
        status=status,
        per_received=40.0,
        per_billed=0.0,
        payment_terms_template="30 days",
        amended_from=None,
        items=[line],
    ) | {"docstatus": 1}


def documents() -> dict[str, list[Document]]:
    order_line = order(1)["items"][0]
    bought = {"supplier": "SUP-1", "supplier_name": "Pumps Ltd", "company": "Plant Ltd", "currency": "EUR"}
    totals = {"net_total": 30.86, "total_taxes_and_charges": 5.86, "grand_total": 36.72}
    return {
        "Purchase Order": [order(number) for number in range(1, 8)],
        "Material Request": [
            document(
                f"MAT-MR-{number}",
                title="Seals",
                material_request_type=kind,
                company="Plant Ltd",
                schedule_date="2026-02-01",
                status="Pending",
                per_ordered=0.0,
                items=[{**order_line, "name": f"mri{number}"}],
            )
            for number, kind in ((1, "Purchase"), (2, "Material Issue"))
        ],
        "Purchase Receipt": [
            document(
                "MAT-PRE-1",
                title="Pumps Ltd",
                **bought,
                **totals,
                posting_date="2026-01-04",
                status="To Bill",
                is_return=0,
                items=[
                    {
                        **order_line,
                        "name": "pri1",
                        "purchase_order": "PUR-ORD-2026-00001",
                        "purchase_order_item": "poi1",
                    }
                ],
            )
        ],
        "Purchase Invoice": [
            document(
                "ACC-PINV-1",
                **bought,
                **totals,
                bill_no="77/26",
                bill_date="2026-01-05",
                posting_date="2026-01-06",
                due_date="2026-02-05",
                status="Unpaid",
                outstanding_amount=36.72,
                items=[{**order_line, "name": "pii1", "purchase_order": "PUR-ORD-2026-00001"}],
            )
        ],
        "Stock Entry": [
            document(
                "MAT-STE-1",
                company="Plant Ltd",
                purpose="Material Transfer",
                posting_date="2026-01-04",
                from_warehouse="Stores - P",
                to_warehouse="Line - P",
                remarks=None,
                items=[
                    child(
                        "sed1",
                        1,
                        item_code="SEAL/1",
                        qty=1.5,
                        s_warehouse="Stores - P",
                        t_warehouse="Line - P",
                    )
                ],
            )
            | {"docstatus": 1}
        ],
        "Asset Maintenance": [
            document(
                "AST-1",
                asset_name="AST-1",
                asset_category="Machines",
                item_name="Press",
                company="Plant Ltd",
                maintenance_team="Mechanics",
                asset_maintenance_tasks=[
                    child(
                        "amt1",
                        1,
                        maintenance_task="Grease",
                        maintenance_type="Preventive Maintenance",
                        maintenance_status="Planned",
                        periodicity="Monthly",
                        description=None,
                        assign_to="anna@plant.example",
                        next_due_date="2026-02-01",
                        last_completion_date=None,
                    )
                ],
            )
        ],
        "Asset Maintenance Log": [
            document(
                "ACC-AML-1",
                asset_maintenance="AST-1",
                asset_name="AST-1",
                task="amt1",
                task_name="Grease",
                maintenance_type="Preventive Maintenance",
                periodicity="Monthly",
                assign_to_name="Anna",
                due_date="2026-02-01",
                completion_date=None,
                maintenance_status="Planned",
                description="All bearings",
                actions_performed=None,
            )
        ],
        "Asset Repair": [
            document(
                "ACC-ASR-1",
                asset="AST-1",
                failure_date="2026-01-03 08:00:00",
                completion_date="2026-01-03 12:00:00",
                repair_status="Completed",
                description="Leak",
                actions_performed="Seal changed",
                downtime="4 Hrs",
                repair_cost=25.5,
            )
        ],
        "Issue": [
            document(
                "ISS-1",
                subject="Noise",
                description="Press is loud",
                status="Open",
                priority="High",
                issue_type="Machine",
                raised_by="x@plant.example",
                customer=None,
                company="Plant Ltd",
            )
        ],
        **_master(),
    }


def _master() -> dict[str, list[Document]]:
    item = {
        "item_code": "SEAL/1",
        "item_name": "Seal",
        "description": "<p>Seal</p>",
        "item_group": "Spares",
        "stock_uom": "Nos",
        "disabled": 0,
        "safety_stock": 4.0,
        "last_purchase_rate": 12.345,
        "standard_rate": 20.5,
        "valuation_rate": 12.0,
        "is_stock_item": 1,
        "has_serial_no": 0,
        "has_batch_no": 0,
        "brand": None,
    }
    asset = {
        "asset_name": "Press 1",
        "item_code": "PRESS",
        "item_name": "Press",
        "asset_category": "Machines",
        "supplier": "SUP-1",
        "company": "Plant Ltd",
        "location": "Hall 1",
        "custodian": "EMP-1",
        "cost_center": "Main - P",
        "purchase_date": "2020-01-01",
        "available_for_use_date": None,
        "disposal_date": None,
        "maintenance_required": 1,
    }
    warehouse = {"company": "Plant Ltd", "warehouse_type": None, "disabled": 0}
    return {
        "Company": [
            document(
                "Plant Ltd", company_name="Plant Ltd", abbr="P", default_currency="EUR", parent_company=None
            )
        ],
        "Supplier": [
            document(
                "SUP-1",
                supplier_name="Pumps Ltd",
                supplier_group="Local",
                tax_id="DE1",
                default_currency="EUR",
                disabled=0,
                on_hold=0,
            )
        ],
        "Item": [document("SEAL/1", **item)],
        "Item Group": [
            document("All", item_group_name="All", parent_item_group=""),
            document("Spares", item_group_name="Spares", parent_item_group="All"),
        ],
        "Bin": [
            document(
                "bin1",
                item_code="SEAL/1",
                warehouse="Stores - P",
                actual_qty=7.25,
                reserved_qty=1.0,
                ordered_qty=0.0,
                indented_qty=0.0,
                planned_qty=0.0,
                projected_qty=6.25,
                stock_uom="Nos",
                valuation_rate=12.0,
                stock_value=87.0,
            )
        ],
        "Warehouse": [
            document("All - P", warehouse_name="All", parent_warehouse="", is_group=1, **warehouse),
            document("Line - P", warehouse_name="Line", parent_warehouse="All - P", is_group=0, **warehouse),
            document(
                "Stores - P", warehouse_name="Stores", parent_warehouse="All - P", is_group=0, **warehouse
            ),
        ],
        "Location": [document("Hall 1", location_name="Hall 1", parent_location="")],
        "Cost Center": [
            document(
                "Main - P",
                cost_center_name="Main",
                cost_center_number="",
                parent_cost_center="Plant - P",
                company="Plant Ltd",
                is_group=0,
                disabled=0,
            )
        ],
        "UOM": [document("Nos", uom_name="Nos", enabled=1)],
        "Currency": [document("EUR", currency_name="EUR", enabled=1)],
        "Asset": [
            document("AST-1", status="Submitted", **asset),
            document("AST-2", status="Scrapped", **asset),
            document("AST-3", status="Borrowed", **asset),
        ],
        "Asset Maintenance Team": [
            document("Mechanics", maintenance_team_name="Mechanics", company="Plant Ltd")
        ],
        "User": [
            document(
                "anna@plant.example", full_name="Anna Muster", enabled=1, user_type="System User", email="x"
            )
        ],
        "Employee": [
            document(
                "EMP-1",
                employee_name="Anna Muster",
                first_name="Anna",
                middle_name=None,
                last_name="Muster",
                designation="Fitter",
                company="Plant Ltd",
                user_id="anna@plant.example",
                status="Active",
            )
        ],
        "File": [
            document("Home", file_name="Home", is_folder=1, **_attached(None)),
            document("file1", file_name="press.pdf", is_folder=0, **_attached("AST-1")),
        ],
    }


def _attached(name: str | None) -> dict[str, Any]:
    return {
        "file_url": name and "/private/files/press.pdf",
        "attached_to_doctype": name and "Asset",
        "attached_to_name": name,
        "is_private": 1,
        "file_size": 100,
    }
