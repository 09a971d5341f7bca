"""What a connection costs."""

from pathlib import Path
from typing import Literal

import pytest

from appliance.app import Appliance
from appliance.credits.tariff import price
from appliance.errors import InvalidInput
from tests.support.appliance import Appliances


@pytest.mark.parametrize(
    ("tier", "hosting", "credits"),
    [
        (1, "cloud", 1),
        (1, "on_premises", 2),
        (2, "cloud", 2),
        (2, "on_premises", 4),
        (3, "cloud", 4),  # SAP S/4HANA in the cloud
        (3, "on_premises", 8),  # SAP ECC in the plant
    ],
)
def test_the_price_follows_the_tier_and_doubles_on_premises(
    tier: int, hosting: Literal["cloud", "on_premises"], credits: int
) -> None:
    assert price(tier, hosting) == credits


def test_sample_data_is_free_wherever_it_is() -> None:
    assert price(3, "on_premises", free=True) == 0


def test_the_quote_of_a_system_follows_where_it_is_installed(tmp_path: Path) -> None:
    with Appliances(tmp_path) as appliances:
        appliance: Appliance = appliances.open()
        quote = appliance.connections.quote
        assert quote("generic_odata", "cloud") == ("cloud", 4)
        assert quote("generic_odata", "on_premises") == ("on_premises", 8)
        assert quote("tryton", "on_premises") == ("on_premises", 4)
        # A system that exists in one place only needs no answer to the question.
        assert quote("sandbox", None) == ("on_premises", 0)
        with pytest.raises(InvalidInput) as refused:
            quote("generic_odata", None)
        assert "hosting" in refused.value.details["fields"]
        with pytest.raises(InvalidInput):
            quote("sandbox", "cloud")
