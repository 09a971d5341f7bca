"""One plant: rows of every structure. Times are whole seconds at the offset of the server."""

from decimal import Decimal
from typing import Any

Row = dict[str, Any]
CHANGED = "2026-01-04T10:00:00-05:00"


def rows_of_a_plant() -> dict[str, list[Row]]:
    site = {"siteid": "BEDFORD", "orgid": "EAGLENA"}
    return {
        "wodetail": [_work_order(site, number) for number in range(1, 8)] + [_task(site)],
        "sr": [_request(site)],
        "pm": [
            {**site, "pmuid": 41, "pmnum": "PM-7", "description": "Grease the pump", "status": "ACTIVE",
             "status_maxvalue": "ACTIVE", "assetnum": "P-101", "location": "PUMPROOM", "jpnum": "JP1", "frequency": 3,
             "frequnit": "MONTHS", "nextdate": "2026-03-01T00:00:00-05:00", "worktype": "PM", "priority": 2,
             "leadtime": 5, "glaccount": "6000-200", "changedate": CHANGED}
        ],
        "asset": [
            _asset(site, 11, "PLANT", parent=None, assettype=None),
            _asset(site, 12, "P-101", parent="PLANT", assettype="PUMP"),
        ],
        "assetmeter": [
            {**site, "assetmeterid": 5, "assetnum": "P-101", "metername": "RUNHOURS", "active": True,
             "lastreading": "1250.5", "lastreadingdate": "2026-01-03T08:00:00-05:00", "readingtype": "ACTUAL",
             "measureunitid": "HOURS", "average": Decimal("7.25"), "lifetodate": Decimal("1250.5"),
             "sinceinstall": Decimal("1250.5"), "changedate": CHANGED},
            {**site, "assetmeterid": 6, "assetnum": "P-101", "metername": "OIL", "active": True, "lastreading": "GOOD",
             "lastreadingdate": "2026-01-03T08:00:00-05:00", "changedate": CHANGED},
        ],
        "operloc": [
            {**site, "locationsid": 1, "location": "PUMPROOM", "description": "Pump room", "type": "OPERATING",
             "status": "OPERATING", "status_maxvalue": "OPERATING", "disabled": False, "changedate": CHANGED},
            {**site, "locationsid": 2, "location": "CENTRAL", "description": "Central store", "type": "STOREROOM",
             "status": "OPERATING", "status_maxvalue": "OPERATING", "disabled": False, "changedate": CHANGED},
            {**site, "locationsid": 3, "location": "YARD", "description": "Yard store", "type": "STOREROOM",
             "status": "OPERATING", "status_maxvalue": "OPERATING", "disabled": False, "changedate": CHANGED},
        ],
        "item": [
            {"itemid": 21, "itemnum": "BRG-1", "itemsetid": "SET1", "description": "Bearing 6204", "itemtype": "ITEM",
             "status": "ACTIVE", "status_maxvalue": "ACTIVE", "statusdate": CHANGED, "rotating": False,
             "lottype": "NOLOT", "commoditygroup": "MRO", "commodity": "BEARING", "issueunit": "EACH",
             "orderunit": "BOX"}
        ],
        "inventory": [
            {**site, "inventoryid": 31, "itemnum": "BRG-1", "itemsetid": "SET1", "location": "CENTRAL",
             "status": "ACTIVE", "status_maxvalue": "ACTIVE", "statusdate": CHANGED, "curbaltotal": Decimal("12.50"),
             "avblbalance": Decimal("10.5"), "orderqty": Decimal("20"), "minlevel": Decimal("4.0"),
             "maxlevel": Decimal("40"), "category": "STK", "issueunit": "EACH", "orderunit": "BOX", "binnum": "A-1",
             "invcost": [{"avgcost": Decimal("9.9900"), "stdcost": Decimal("10"), "lastcost": Decimal("9.5")}],
             "invbalances": [{"invbalancesid": 77, "binnum": "A-1", "lotnum": None, "curbal": Decimal("12.50")}]}
        ],
        "receipt": [
            _movement(site, 501, issuetype="RECEIPT", ponum="1017", porevisionnum=0, polinenum=1, positeid="BEDFORD",
                      tostoreloc="CENTRAL", status="COMP", status_maxvalue="COMP", packingslipnum="DN-9"),
            _movement(site, 502, issuetype="TRANSFER", fromstoreloc="CENTRAL", tostoreloc="YARD", status="COMP",
                      status_maxvalue="COMP"),
        ],
        "po": [_order(site)],
        "pr": [
            {**site, "prid": 71, "prnum": "2001", "description": "Spares", "status": "WAPPR",
             "status_maxvalue": "WAPPR", "issuedate": "2026-01-02T09:00:00-05:00", "requestedby": "WILSON",
             "vendor": "ACME", "currencycode": "USD", "totalcost": Decimal("99.90"),
             "historyflag": False, "changedate": CHANGED,
             "prline": [{"prlineid": 1, "prlinenum": 1, "linetype": "ITEM", "itemnum": "BRG-1", "itemsetid": "SET1",
                         "description": "Bearing 6204", "orderqty": Decimal("10"), "orderunit": "BOX",
                         "unitcost": Decimal("9.99"), "linecost": Decimal("99.90"), "storeloc": "CENTRAL"}]}
        ],
        "vendor": [_company(91, "ACME", "V", "Acme Supply"), _company(92, "FLOWCO", "M", "Flow Pumps")],
        "invoice": [
            {**site, "invoiceid": 81, "invoicenum": "3001", "vendorinvoicenum": "A-778", "description": "January",
             "status": "APPR", "status_maxvalue": "APPR", "vendor": "ACME", "ponum": "1017", "positeid": "BEDFORD",
             "invoicedate": "2026-01-04T00:00:00-05:00", "duedate": "2026-02-03T00:00:00-05:00",
             "currencycode": "USD", "totalcost": Decimal("109.89"), "totaltax1": Decimal("9.99"),
             "historyflag": False, "changedate": CHANGED,
             "invoiceline": [{"invoicelineid": 1, "invoicelinenum": 1, "itemnum": "BRG-1", "itemsetid": "SET1",
                              "description": "Bearing 6204", "invoiceqty": Decimal("10"), "invoiceunit": "BOX",
                              "unitcost": Decimal("9.99"), "linecost": Decimal("99.90")}]}
        ],
        "person": [
            {"personuid": 1, "personid": "WILSON", "firstname": "Mike", "lastname": "Wilson",
             "displayname": "Mike Wilson", "status": "ACTIVE", "statusdate": CHANGED}
        ],
        "labor": [
            {"laborid": 1, "laborcode": "SMITH", "orgid": "EAGLENA", "personid": "WILSON", "status": "ACTIVE",
             "person": [{"displayname": "Mike Wilson", "firstname": "Mike", "lastname": "Wilson"}]}
        ],
        "coa": [{"chartofaccountsid": 1, "glaccount": "6000-200", "orgid": "EAGLENA", "accountname": "Maintenance"}],
    }  # fmt: skip


def _work_order(site: Row, number: int) -> Row:
    return {
        **site, "workorderid": 1000 + number, "wonum": str(1000 + number), "description": f"Repair {number}",
        "description_longdescription": "Lock out first.", "status": "STARTED", "status_maxvalue": "INPRG",
        "status_description": "Work has begun", "woclass": "WORKORDER", "istask": False,
        "parent": "1001" if number > 1 else None, "worktype": "CM", "wopriority": 1, "assetnum": "P-101",
        "location": "PUMPROOM", "reportedby": "WILSON", "reportdate": "2026-01-02T08:00:00-05:00",
        "targcompdate": "2026-01-09T17:00:00-05:00", "targstartdate": "2026-01-05T08:00:00-05:00",
        "schedstart": "2026-01-06T08:00:00-05:00", "actfinish": None, "estdur": Decimal("4.0"),
        "estlabhrs": Decimal("3.5"), "actlabhrs": Decimal("1.25"), "glaccount": "6000-200", "pmnum": "PM-7",
        "origrecordid": "1173" if number == 1 else "1001", "origrecordclass": "SR" if number == 1 else "WORKORDER",
        "historyflag": False, "changedate": f"2026-01-0{number}T10:00:00-05:00",
        "woactivity": [{"taskid": 10, "wonum": "T1001", "description": "Drain", "status": "APPR",
                        "estdur": Decimal("1")}],
        "labtrans": [{"labtransid": 1, "laborcode": "SMITH", "craft": "MECH",
                      "startdate": "2026-01-06T08:00:00-05:00", "finishdate": "2026-01-06T09:15:00-05:00",
                      "regularhrs": Decimal("1.25"), "payrate": Decimal("40.00"), "linecost": Decimal("50.00")}],
        "wpmaterial": [{"wpitemid": 3, "itemnum": "BRG-1", "itemsetid": "SET1", "itemqty": Decimal("2")}],
    }  # fmt: skip


def _task(site: Row) -> Row:
    return {
        **site,
        "workorderid": 1900,
        "wonum": "T1001",
        "istask": True,
        "status": "APPR",
        "historyflag": False,
        "changedate": CHANGED,
    }


def _request(site: Row) -> Row:
    return {
        **site, "ticketuid": 61, "ticketid": "1173", "class": "SR", "description": "Pump leaks",
        "description_longdescription": "Under the flange.", "status": "NEW", "status_maxvalue": "NEW",
        "status_description": "New", "reportedby": "WILSON", "reportdate": "2026-01-01T08:00:00-05:00",
        "reportedpriority": 2, "assetnum": "P-101", "assetsiteid": "BEDFORD", "location": "PUMPROOM",
        "commodity": "HVAC", "targetfinish": "2026-01-08T08:00:00-05:00",
        "historyflag": False, "changedate": CHANGED,
    }  # fmt: skip


def _asset(site: Row, uid: int, number: str, *, parent: str | None, assettype: str | None) -> Row:
    return {
        **site, "assetuid": uid, "assetnum": number, "description": f"Asset {number}", "status": "OPERATING",
        "description_longdescription": "In the pump room.", "status_description": "Operating", "parent": parent,
        "assettype": assettype, "location": "PUMPROOM", "serialnum": "SN-1", "vendor": "ACME",
        "manufacturer": "FLOWCO", "installdate": "2020-05-01T00:00:00-05:00", "priority": 1,
        "purchaseprice": Decimal("1200.00"), "isrunning": True, "disabled": False, "glaccount": "6000-200",
        "changedate": CHANGED,
    }  # fmt: skip


def _movement(site: Row, number: int, **more: Any) -> Row:
    return {
        **site, "matrectransid": number, "itemnum": "BRG-1", "itemsetid": "SET1", "description": "Bearing 6204",
        "quantity": Decimal("5.00"), "actualdate": "2026-01-03T11:00:00-05:00", "transdate": CHANGED,
        "unitcost": Decimal("9.99"), "linecost": Decimal("49.95"), "currencycode": "USD", "enterby": "WILSON", **more,
    }  # fmt: skip


def _order(site: Row) -> Row:
    return {
        **site, "poid": 51, "ponum": "1017", "revisionnum": 0, "description": "Bearings", "status": "APPR",
        "status_maxvalue": "APPR", "status_description": "Approved", "vendor": "ACME", "purchaseagent": "WILSON",
        "orderdate": "2026-01-02T09:00:00-05:00", "vendeliverydate": "2026-01-20T00:00:00-05:00",
        "currencycode": "USD", "exchangerate": Decimal("1"), "totalcost": Decimal("109.89"),
        "totalbasecost": Decimal("109.89"), "receipts": "PARTIAL", "paymentterms": "NET30", "freightterms": "FOB",
        "historyflag": False, "changedate": CHANGED,
        "poline": [{"polineid": 1, "polinenum": 1, "linetype": "ITEM", "itemnum": "BRG-1", "itemsetid": "SET1",
                    "description": "Bearing 6204", "orderqty": Decimal("10.00"), "orderunit": "BOX",
                    "unitcost": Decimal("9.9900"), "linecost": Decimal("99.90"), "receivedqty": Decimal("5.00"),
                    "storeloc": "CENTRAL", "gldebitacct": "6000-200", "refwo": "1001", "tax1": Decimal("9.99"),
                    "reqdeliverydate": "2026-01-20T00:00:00-05:00"}],
    }  # fmt: skip


def _company(number: int, code: str, kind: str, name: str) -> Row:
    return {
        "companiesid": number, "company": code, "orgid": "EAGLENA", "name": name, "type": kind,
        "currencycode": "USD", "address1": "1 Mill Road", "address2": "Hall B", "address3": "Boston", "address4": "MA",
        "address5": "02101", "phone": "555-0100", "contact": "Ann", "paymentterms": "NET30", "disabled": False,
        "changedate": CHANGED,
    }  # fmt: skip
