"""What a system can do, as its page tells it."""

import html
import re

from tests.admin.conftest import Browser, Plant


def rows(text: str) -> dict[str, str]:
    """Entity to the text of its row."""
    found: dict[str, str] = {}
    for row in re.findall(r"<tr.*?</tr>", text, re.S):
        name = re.search(r'scope="row">([^<]+)<', row)
        if name:
            found[name.group(1)] = " ".join(html.unescape(re.sub(r"<[^>]+>", " ", row)).split())
    return found


def test_reading_writing_and_what_is_demanded_stand_by_entity(plant: Plant, browser: Browser) -> None:
    connection = plant.connection(browser.connect_sandbox())
    text = browser.get(f"/admin/connections/{connection.id}/capabilities").text
    shown = rows(text)
    assert "Writes are simulated" in text
    assert re.search(r"\d+ fields and all custom fields", shown["Work order"])
    assert "Create needs title" in shown["Work order"] and "Set the status" in shown["Work order"]
    assert "To every status it has" in shown["Work order"]
    assert "Not written" in shown["Site"] and "Create" not in shown["Site"]


def test_a_mapping_of_the_connection_is_told_as_well(plant: Plant, browser: Browser) -> None:
    connection = plant.connection(browser.connect_sandbox())
    plant.appliance.mappings.change(connection.id, "Site", {"custom": {"region": "country"}})
    page = rows(browser.get(f"/admin/connections/{connection.id}/capabilities").text)
    assert "and 1 custom field" in page["Site"] and "customFields.region" in page["Site"]
