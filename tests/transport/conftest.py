from collections.abc import Callable
from typing import Any

import pytest

from appliance.clock import Clock, SystemClock
from appliance.transport.budget import Budget, BudgetLimits
from appliance.transport.egress import Egress
from appliance.transport.http import HttpClient, HttpOptions
from appliance.transport.trust import Trust
from tests.transport.authority import Authority

ClientMaker = Callable[..., HttpClient]


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def trust(authority: Authority) -> Trust:
    return Trust([authority.ca_file], system_bundles=())


@pytest.fixture
def make_client(trust: Trust) -> ClientMaker:
    """A client with short times; keyword arguments are HttpOptions fields, `clock`, `egress`, `limits`."""

    def make(
        clock: Clock | None = None,
        egress: Egress | None = None,
        limits: BudgetLimits | None = None,
        budget: Budget | None = None,
        **options: Any,
    ) -> HttpClient:
        clock = clock or SystemClock()
        quick: dict[str, Any] = {"connect_timeout": 2.0, "read_timeout": 2.0, "total_timeout": 5.0}
        return HttpClient(
            HttpOptions(**{**quick, **options}),
            egress=egress or Egress(),
            budget=budget or Budget("127.0.0.1", limits or BudgetLimits(), clock),
            clock=clock,
            trust=trust,
        )

    return make
