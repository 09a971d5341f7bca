"""OData V2 against the strict simulator of a gateway."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from appliance.clock import SystemClock
from appliance.runtime.connector import Connector
from appliance.runtime.protocols import Since
from appliance.runtime.protocols.odata.edmx import parse_metadata
from tests.runtime.opened import reading, vendor_pages
from tests.simulators.gateway import Gateway

PATH = "sap/opu/odata/sap/API_PURCHASEORDER_PROCESS_SRV"


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    with Gateway(orders=25, lines=1) as gateway:
        yield gateway


def open_orders(gateway: Gateway, **read: Any) -> Connector:
    read = {"protocol": "odata2", "service": PATH, "set": "A_PurchaseOrder", **read}
    auth = {"scheme": "basic", "username": "SYNC", "password": "Welcome1"}
    return reading(gateway.url, read, key="PurchaseOrder", auth=auth)


@pytest.mark.parametrize("paging", ["server", "skip", "key"])
def test_every_kind_of_paging_reads_every_order_once(gateway, paging):
    pages = vendor_pages(open_orders(gateway, paging=paging, size=10, select=["PurchaseOrder"]))
    found = [json.loads(row)["PurchaseOrder"] for page in pages for row in page.rows]
    assert found == sorted(set(found))
    assert (len(found), pages[0].expected) == (25, 25)


def test_changes_are_asked_for_with_the_literals_of_both_types(gateway):
    now = SystemClock().now()
    connector = open_orders(gateway, changed=["LastChangeDateTime", "CreationDate"])
    everything = vendor_pages(connector, Since(now - timedelta(days=4000)))
    nothing = vendor_pages(connector, Since(now + timedelta(days=30)))
    assert (sum(len(p.rows) for p in everything), sum(len(p.rows) for p in nothing)) == (25, 0)


def test_select_and_expand_along_a_path_are_accepted(gateway):
    select = ["PurchaseOrder", "to_PurchaseOrderItem/PurchaseOrderItem"]
    (page, *_) = vendor_pages(open_orders(gateway, select=select, expand=["to_PurchaseOrderItem"]))
    (item,) = json.loads(page.rows[0])["to_PurchaseOrderItem"]["results"]
    assert item["PurchaseOrderItem"]


def test_what_sap_marks_as_not_filterable_is_known():
    document = b"""<edmx:Edmx xmlns:edmx="http://schemas.microsoft.com/ado/2007/06/edmx"><edmx:DataServices>
    <Schema Namespace="Z" xmlns="http://schemas.microsoft.com/ado/2008/09/edm"
      xmlns:sap="http://www.sap.com/Protocols/SAPData">
    <EntityType Name="T"><Key><PropertyRef Name="A"/></Key><Property Name="A" Type="Edm.String"/>
    <Property Name="Changed" Type="Edm.DateTime" sap:filterable="false"/></EntityType>
    <EntityContainer Name="C"><EntitySet Name="S" EntityType="Z.T"/></EntityContainer></Schema>
    </edmx:DataServices></edmx:Edmx>"""
    kind = parse_metadata(document).sets["S"]
    assert (kind.keys, kind.unfilterable) == (("A",), {"Changed"})
