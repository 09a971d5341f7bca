"""$metadata of an OData V2 service."""

from pathlib import Path

import pytest

from appliance.errors import SourceAnswerInvalid
from appliance.runtime.protocols.odata.edmx import parse_metadata

SERVICES = Path(__file__).parents[1] / "simulators" / "gateway" / "services"


def test_sets_keys_types_and_navigation() -> None:
    metadata = parse_metadata((SERVICES / "API_PURCHASEORDER_PROCESS_SRV.edmx").read_bytes())
    order, item = metadata.sets["A_PurchaseOrder"], metadata.sets["A_PurchaseOrderItem"]
    assert (order.keys, item.keys) == (("PurchaseOrder",), ("PurchaseOrder", "PurchaseOrderItem"))
    assert order.properties["LastChangeDateTime"] == "Edm.DateTimeOffset"
    assert order.properties["CreationDate"] == "Edm.DateTime"
    assert metadata.types[order.navigation["to_PurchaseOrderItem"]] is item


@pytest.mark.parametrize(
    "document",
    [
        b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><edmx>&b;</edmx>',
        b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]><edmx>&f;</edmx>',
        b'<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd"><edmx/>',
        b"<!DOCTYPE edmx><edmx/>",
        b"<!DOCTYPE html><html><body>Logon</body></html>",
        b"<edmx",
        b"",
        b'{"d": {}}',
        b"\xff\xfe<\x00",
        b'<?xml version="1.0" encoding="no-such"?><edmx/>',
    ],
)
def test_hostile_and_broken_documents_are_refused(document: bytes) -> None:
    with pytest.raises(SourceAnswerInvalid, match=r"\$metadata is not readable XML"):
        parse_metadata(document)


@pytest.mark.parametrize(
    "document",
    [b"<edmx/>", b"<html><body>Logon</body></html>", b'<s><EntitySet Name="A" EntityType="X.Nowhere"/></s>'],
)
def test_a_document_without_sets_is_no_metadata(document: bytes) -> None:
    with pytest.raises(SourceAnswerInvalid, match="names no entity sets"):
        parse_metadata(document)
