"""OData V4 against a strict simulator built from the specification."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from appliance.errors import ConfigurationError, SourceAnswerInvalid, SourceError
from appliance.runtime.connector import Connector
from appliance.runtime.protocols import EVERYTHING, Page, Since
from appliance.runtime.protocols.odata.pages import ODataPages
from tests.runtime.opened import reading, vendor_pages
from tests.simulators.odata4 import Orders4

JANUARY = Since(datetime(2026, 1, 10, 6, 30, tzinfo=UTC))


class Plant(Orders4):
    """The served orders and a way to open them."""

    url = ""

    def open(self, **read: Any) -> Connector:
        read = {"protocol": "odata4", "service": "odata4/orders", "set": "Orders", **read}
        return reading(self.url, read)


@pytest.fixture
def plant() -> Iterator[Plant]:
    plant = Plant()
    with plant.served() as server:
        plant.url = server.url
        yield plant


def numbers(pages: list[Page]) -> list[str]:
    return [json.loads(row)["Number"] for page in pages for row in page.rows]


def all_numbers(plant: Plant) -> list[str]:
    return sorted(plant.rows)


@pytest.mark.parametrize("absolute", [False, True])
def test_next_links_relative_to_the_service_or_with_a_foreign_host_are_followed(plant, absolute):
    plant.absolute_links = absolute
    pages = vendor_pages(plant.open())
    assert numbers(pages) == all_numbers(plant)
    assert [len(page.rows) for page in pages] == [3, 3, 1]
    assert pages[0].expected == 7


def test_server_pages_come_in_the_order_of_the_key_unless_the_service_tracks_changes(plant):
    vendor_pages(plant.open())
    vendor_pages(plant.open(delta=True))
    first_requests = [asked for asked in plant.asked if "$skiptoken" not in asked]
    assert [asked.get("$orderby") for asked in first_requests] == ["Number", None]


@pytest.mark.parametrize("link", [5, {"uri": "Orders"}, ["Orders"]])
def test_a_next_link_that_is_no_text_ends_the_pass(plant, link):
    original = plant._list
    plant._list = lambda options, headers: {**original(options, headers), "@odata.nextLink": link}
    with pytest.raises(SourceAnswerInvalid, match="a link that is no address"):
        vendor_pages(plant.open())


def test_what_every_request_carries_is_added_to_links_that_lack_it(plant):
    paths = []
    plant.before = paths.append
    http = {"base_url": "${url}", "query": {"$skip": "0"}}
    read = {"protocol": "odata4", "service": "odata4/orders", "set": "Orders"}
    connector = reading(plant.url, read, http=http)
    assert numbers(vendor_pages(connector)) == all_numbers(plant)
    assert len(paths) == 4 and all("skip=0" in path for path in paths)


def test_the_page_size_is_asked_for(plant):
    assert [len(page.rows) for page in vendor_pages(plant.open(size=2))] == [2, 2, 2, 1]


def test_decimals_come_as_text_with_all_their_digits(plant):
    (first, *_) = vendor_pages(plant.open())[0].rows
    assert json.loads(first)["Amount"] == "1.10"
    assert "@odata.etag" in json.loads(first)


def test_custom_properties_are_added_to_a_select_also_inside_an_expand(plant):
    connector = plant.open(select=["Number"], expand=["_Item($select=Line)"])
    row = json.loads(vendor_pages(connector)[0].rows[0])
    assert {"Number", "YY1_Line_ORD", "_Item"} <= row.keys()
    assert row["_Item"][0].keys() == {"Line", "ZZBATCH"}
    assert "Amount" not in row


def test_a_path_into_a_complex_type_and_a_base_property_are_known(plant):
    kind = ODataPages.entity_type(plant.open().pages("Vendor"))  # type: ignore[arg-type]
    assert kind.properties["Changed"] == "Edm.DateTimeOffset"
    with pytest.raises(ConfigurationError, match="Order has no 'Town'"):
        vendor_pages(plant.open(select=["Town"]))
    with pytest.raises(ConfigurationError, match=r"Order has no 'Site' to expand\. There are: _Item"):
        vendor_pages(plant.open(expand=["Site"]))
    with pytest.raises(ConfigurationError, match="Item has no 'Lines'"):
        vendor_pages(plant.open(expand=["_Item($select=Lines)"]))


def test_changes_are_asked_for_with_a_bare_literal(plant):
    plant.put("0003", changed="2026-01-10T06:30:00Z")
    assert numbers(vendor_pages(plant.open(changed=["Changed"]), JANUARY)) == ["0003"]


def test_a_date_is_compared_from_the_day_before_as_the_source_may_live_in_another_zone(plant):
    vendor_pages(plant.open(changed=["Due"]), JANUARY)
    assert plant.asked[0]["$filter"] == "(Due ge 2026-01-09)"


def test_a_form_field_in_the_fixed_filter_cannot_break_out_of_its_quotes(plant):
    read = {"protocol": "odata4", "service": "odata4/orders", "set": "Orders"}
    connector = reading(
        plant.url,
        {**read, "filter": "Number eq '${number|quote}'"},
        fields={"number": "x' or Number gt '0"},
    )
    assert numbers(vendor_pages(connector)) == []


@pytest.mark.parametrize("status", [400, 501])
def test_where_a_property_cannot_be_filtered_the_next_list_takes_over_and_says_so(plant, status):
    plant.refused = {"Changed": status}
    connector = plant.open(changed=["Changed"], changed_fallback=[["Due"]])
    pages = vendor_pages(connector, JANUARY)
    assert numbers(pages) == all_numbers(plant)
    assert "cannot be filtered by Changed; Due is used" in pages[0].notices[0]


def test_where_nothing_can_be_filtered_everything_is_read_and_compared(plant):
    plant.refused = {"Changed": 501, "Due": 400}
    connector = plant.open(changed=["Changed"], changed_fallback=[["Due"]])
    pages = vendor_pages(connector, JANUARY)
    assert numbers(pages) == all_numbers(plant)
    assert "every pass reads all rows" in pages[0].notices[0]


def test_a_capability_annotation_spares_the_attempt(plant):
    plant.restrictions = (
        '<Annotation Term="Org.OData.Capabilities.V1.FilterRestrictions"><Record>'
        '<PropertyValue Property="NonFilterableProperties"><Collection><PropertyPath>Changed</PropertyPath>'
        "</Collection></PropertyValue></Record></Annotation>"
    )
    plant.refused = {"Changed": 400}
    vendor_pages(plant.open(changed=["Changed"], changed_fallback=[["Due"]]), JANUARY)
    assert "Due ge" in plant.asked[0]["$filter"]


def test_another_refusal_is_not_taken_for_a_missing_filter(plant):
    plant.refused = {"Changed": 403}
    with pytest.raises(SourceError, match="denies"):
        vendor_pages(plant.open(changed=["Changed"]), JANUARY)


def test_an_unknown_changed_property_is_a_mistake_in_the_definition(plant):
    with pytest.raises(ConfigurationError, match="no property 'ChangedOn'"):
        vendor_pages(plant.open(changed=["ChangedOn"]))
    with pytest.raises(ConfigurationError, match=r"Number is Edm\.String"):
        vendor_pages(plant.open(changed=["Number"]))


def test_the_sample_tells_of_a_filter_that_is_refused_and_of_options_that_are_ignored(plant):
    plant.refused = {"Changed": 400}
    plant.ignores = {"$top"}
    pages = plant.open(changed=["Changed"]).pages("Vendor")
    page = pages.fetch(pages.first(), EVERYTHING, resuming=False, sample=True)
    assert len(page.rows) == 1
    assert ["every pass reads all" in page.notices[0], "ignores $top" in page.notices[1]] == [True, True]


def test_a_delta_link_brings_only_changes_and_removals_next_time(plant):
    connector = plant.open(delta=True)
    mark = vendor_pages(connector)[-1].mark
    plant.put("0002", amount="99.00")
    plant.remove("0005")
    (page,) = vendor_pages(connector, Since(None, mark))
    assert numbers([page]) == ["0002"]
    assert page.removed == (b'{"Number":"0005"}',)
    (after,) = vendor_pages(connector, Since(None, page.mark))
    assert (after.rows, after.removed) == ([], ())


def test_a_refused_delta_link_falls_back_to_the_changed_filter(plant):
    connector = plant.open(delta=True, changed=["Changed"])
    mark = vendor_pages(connector)[-1].mark
    plant.tokens_expired = True
    plant.put("0004", changed="2026-01-11T00:00:00Z")
    pages = vendor_pages(connector, Since(JANUARY.moment, mark))
    assert numbers(pages) == ["0004"]
    assert pages[-1].mark not in (None, mark)


@pytest.mark.parametrize("paging", ["skip", "key"])
def test_a_service_without_next_links_is_paged_by_the_client(plant, paging):
    plant.page_size = None
    pages = vendor_pages(plant.open(paging=paging, size=3))
    assert numbers(pages) == all_numbers(plant)
    assert max(len(page.rows) for page in pages) == 3


@pytest.mark.parametrize("paging", ["skip", "key"])
def test_a_service_that_cuts_pages_without_a_word_loses_no_row(plant, paging):
    plant.page_size = None
    original = plant._list

    def cut(options, headers):
        return original({**options, "$top": str(min(2, int(options.get("$top", 2))))}, headers)

    plant._list = cut
    assert numbers(vendor_pages(plant.open(paging=paging, size=3, count=False))) == all_numbers(plant)


@pytest.mark.parametrize("gone", [["0001"], ["0001", "0002"], ["0003"], ["0001", "0003"]])
def test_rows_that_go_while_skip_pages_are_read_do_not_hide_others(plant, gone):
    plant.page_size = None
    pages = plant.open(paging="skip", size=3).pages("Vendor")
    position, found = pages.first(), []
    while position is not None:
        page = pages.fetch(position, EVERYTHING, resuming=False, sample=False)
        found.append(page)
        position = page.next
        for number in gone if len(found) == 1 else ():
            plant.remove(number)
        assert len(found) < 20
    assert set(numbers(found)) >= set(plant.rows)


@pytest.mark.parametrize("paging", ["skip", "key"])
def test_a_service_that_ignores_client_paging_does_not_read_for_ever(plant, paging):
    plant.page_size = None
    plant.ignores = {"$top", "$skip", "$filter", "$orderby"}
    pages = vendor_pages(plant.open(paging=paging, size=3))
    assert numbers(pages) == all_numbers(plant)
    assert "ignores $top" in pages[0].notices[0]


def test_a_service_that_ignores_the_key_filter_is_found_out(plant):
    plant.page_size = None
    plant.ignores = {"$filter"}
    plant.rows = dict(list(plant.rows.items())[:3])
    with pytest.raises(SourceAnswerInvalid, match="ignores the filter by its key"):
        vendor_pages(plant.open(paging="key", size=3, count=False))


def test_the_same_page_again_and_again_ends_the_pass(plant):
    original = plant._list

    def stuck(options, headers):
        answer = original({}, headers)
        return {**answer, "@odata.nextLink": "Orders?$skiptoken=3~7b7d"}

    plant._list = stuck
    with pytest.raises(SourceAnswerInvalid, match="again and again"):
        vendor_pages(plant.open())


def test_many_entities_are_read_by_key_in_one_batch(plant):
    pages = plant.open().pages("Vendor")
    assert isinstance(pages, ODataPages)
    asked = len(plant.asked)
    rows = pages.service.read_keys(
        "Orders", [{"Number": "0002"}, {"Number": "it's"}, {"Number": "0001"}], [("$select", "Number,Amount")]
    )
    assert [row and json.loads(row)["Number"] for row in rows] == ["0002", None, "0001"]
    assert json.loads(rows[0] or b"")["Amount"] == "2.10"
    assert len(plant.asked) - asked == 3


@pytest.mark.parametrize("gone", [range(1, 6), range(1, 7), range(3, 7)])
def test_more_rows_than_a_page_that_go_at_once_do_not_hide_others(gone):
    plant = Plant(orders=14)
    plant.page_size = None
    with plant.served() as server:
        plant.url = server.url
        pages = plant.open(paging="skip", size=2).pages("Vendor")
        position, found = pages.first(), []
        while position is not None:
            page = pages.fetch(position, EVERYTHING, resuming=False, sample=False)
            found.append(page)
            position = page.next
            for number in gone if len(found) == 3 else ():
                plant.remove(f"{number:04}")
            assert len(found) < 30
    assert set(numbers(found)) >= set(plant.rows)


def test_rows_in_another_order_each_time_end_the_pass(plant):
    plant.page_size = None
    original, answers = plant._list, []

    def shuffled(options, headers):
        answers.append(1)
        turned = list(plant.rows.items())
        plant.rows = dict(turned[2:] + turned[:2])
        whole = original({"$count": "true"}, headers)
        begin = int(options.get("$skip", 0))
        rows = list(reversed(whole["value"])) if len(answers) % 2 else whole["value"]
        return {**whole, "value": rows[begin : begin + int(options["$top"])]}

    plant._list = shuffled
    with pytest.raises(SourceAnswerInvalid, match="another order each time"):
        vendor_pages(plant.open(paging="skip", size=2))
