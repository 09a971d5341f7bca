"""The setup as a file: what is exported makes the same again, and nothing is changed by halves."""

import copy
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.app import Appliance
from appliance.cli.config import exporting_of
from appliance.errors import Conflict
from appliance.operations.as_code.applying import Applying, Outcome
from appliance.operations.as_code.document import DocumentInvalid, read, write
from appliance.webhooks.endpoints import Owner
from tests.support.appliance import Appliances, connect_sandbox, work
from tests.support.clock import ManualClock
from tests.support.plant import CONNECTORS, Plant, connect_plant

SECRETS = {"SECRET_NORTH_PASSWORD": "first"}


@pytest.fixture
def appliance(appliances: Appliances, clock: ManualClock) -> Appliance:
    return appliances.open(clock, connectors_dir=CONNECTORS, disk_reserve_bytes=1 << 20)


def applying(appliance: Appliance, **environ: str) -> Applying:
    return Applying(appliance.database, exporting_of(appliance), appliance.clock, environ)


def export(appliance: Appliance) -> dict[str, Any]:
    return exporting_of(appliance).setup()


def apply(appliance: Appliance, setup: dict[str, Any], **options: Any) -> list[Outcome]:
    return list(applying(appliance).apply(read(write(setup)), **options))


def states(outcomes: list[Outcome]) -> list[tuple[str, str]]:
    return [(one.name, one.state) for one in outcomes]


def furnish(appliance: Appliance) -> dict[str, Any]:
    """Everything that can be set."""
    made = connect_sandbox(appliance, "North").connection
    work(appliance)
    appliance.schedules.change(
        made.id, {"every_seconds": 3600}, {"WorkOrder": {"every_seconds": 1800}}, by="a test"
    )
    appliance.connections.set_metadata(made.id, [{"key": "site", "value": "Köln"}])
    appliance.mappings.change(made.id, "WorkOrder", {"map": {"title": None}})
    appliance.passthrough.open_for(made.id, ["GET /orders/**"], by="a test")
    hook = {"name": "Receiver", "url": "https://receiver.plant.example/h", "events": ["work-orders.*"]}
    appliance.webhooks.create(hook, Owner(made.id), may_be_here=True)
    return export(appliance)


def test_an_export_is_sorted_and_the_same_each_time(appliance: Appliance) -> None:
    connect_sandbox(appliance, "South")
    setup = furnish(appliance)
    assert [one["name"] for one in setup["connections"]] == ["North", "South"]
    assert write(setup) == write(export(appliance))
    assert yaml.safe_load(write(setup)) == setup


def test_an_export_applied_where_it_came_from_changes_nothing(appliance: Appliance) -> None:
    setup = furnish(appliance)
    assert states(apply(appliance, setup)) == [("North", "same"), ("Receiver", "same")]


def test_an_export_applied_to_an_empty_appliance_makes_the_same(
    appliance: Appliance, tmp_path_factory: pytest.TempPathFactory, clock: ManualClock
) -> None:
    setup = furnish(appliance)
    with Appliances(tmp_path_factory.mktemp("second")) as others:
        second = others.open(clock, connectors_dir=CONNECTORS, disk_reserve_bytes=1 << 20)
        outcomes = apply(second, setup)
        assert states(outcomes) == [("North", "created"), ("Receiver", "created")]
        assert outcomes[0].token and outcomes[1].secret
        assert export(second) == setup
        assert states(apply(second, setup)) == [("North", "same"), ("Receiver", "same")]


def hook(name: str) -> dict[str, Any]:
    return {"name": name, "url": "https://receiver.plant.example/h", "events": ["work-orders.*"]}


class TestWebhooksOfApplications:
    def test_they_come_back_to_the_application_of_that_name(
        self, appliance: Appliance, tmp_path_factory: pytest.TempPathFactory, clock: ManualClock
    ) -> None:
        owner, _ = appliance.applications.create("Portal")
        for of in (Owner(), Owner(application_id=owner.id)):
            appliance.webhooks.create(hook("Receiver"), of, may_be_here=True)
        setup = export(appliance)
        assert [one["application"] for one in setup["webhooks"]] == [None, "Portal"]
        assert states(apply(appliance, setup)) == [("Receiver", "same")] * 2
        for endpoint in appliance.webhooks.table.all():
            appliance.webhooks.delete(endpoint.id)
        assert states(apply(appliance, setup)) == [("Receiver", "created")] * 2
        assert export(appliance) == setup
        with Appliances(tmp_path_factory.mktemp("second")) as others:
            second = others.open(clock, connectors_dir=CONNECTORS, disk_reserve_bytes=1 << 20)
            done = apply(second, setup)
            assert [one.state for one in done] == ["created", "failed"]
            assert done[1].error is not None and "page Applications" in done[1].error.message
            made, _ = second.applications.create("Portal")
            assert [one.state for one in apply(second, setup)] == ["same", "created"]
            assert export(second) == setup
            assert second.webhooks.table.count(None, made.id) == 1

    def test_those_of_a_revoked_one_are_over(self, appliance: Appliance) -> None:
        owner, _ = appliance.applications.create("Portal")
        appliance.webhooks.create(hook("Receiver"), Owner(application_id=owner.id), may_be_here=True)
        appliance.applications.revoke(owner.id)
        assert export(appliance)["webhooks"] == []

    def test_a_new_one_needs_to_know_which_of_two_applications(self, appliance: Appliance) -> None:
        for _ in range(2):
            appliance.applications.create("Portal")
        wanted = {**hook("Receiver"), "application": "Portal"}
        (outcome,) = apply(appliance, {"webhooks": [wanted]})
        assert outcome.error is not None and "Two applications" in outcome.error.message


def test_two_webhooks_that_a_file_cannot_tell_apart_are_refused(appliance: Appliance) -> None:
    for _ in range(2):
        appliance.webhooks.create(hook("Receiver"), Owner(), may_be_here=True)
    with pytest.raises(Conflict, match="Two webhooks"):
        export(appliance)


def test_a_webhook_without_a_name_comes_back_without_one(appliance: Appliance) -> None:
    nameless = {**hook(""), "url": f"https://receiver.plant.example/{'h' * 80}"}
    made = appliance.webhooks.create(nameless, Owner(), may_be_here=True).endpoint
    setup = export(appliance)
    appliance.webhooks.delete(made.id)
    assert [one.state for one in apply(appliance, setup)] == ["created"]
    assert [one.name for one in appliance.webhooks.table.all()] == [""]
    assert export(appliance) == setup


def test_a_file_that_says_less_changes_less_and_removes_no_connection(appliance: Appliance) -> None:
    before = furnish(appliance)
    small = {"connections": [{"name": "North", "system": "sandbox", "historical_days": 30}]}
    (north, hook) = apply(appliance, small)
    assert (north.state, hook.state) == ("changed", "extra")
    assert [one.path for one in north.differences] == ["historical_days"]
    before["connections"][0]["historical_days"] = 30
    assert export(appliance) == before


def test_a_section_that_is_named_is_made_exactly_so(appliance: Appliance) -> None:
    setup = furnish(appliance)
    north = setup["connections"][0]
    north |= {"mappings": {}, "passthrough": [], "schedule": {"rule": {}, "entities": {}}}
    assert states(apply(appliance, setup))[0] == ("North", "changed")
    assert export(appliance) == setup


@pytest.mark.parametrize(
    "wrong",
    [
        {"schedule": {"rule": {"every_seconds": 1}}},
        {"passthrough": ["FETCH everything"]},
        {"mappings": {"WorkOrder": {"map": {"noSuchField": "x"}}}},
        {"system": "other"},
    ],
)
def test_what_is_wrong_in_one_object_leaves_it_whole_and_the_others_are_done(
    appliance: Appliance, wrong: dict[str, Any]
) -> None:
    setup = furnish(appliance)
    before = copy.deepcopy(setup)
    setup["connections"][0] |= {"metadata": [], "historical_days": 5, **wrong}
    setup["webhooks"][0]["enabled"] = False
    outcomes = apply(appliance, setup)
    assert states(outcomes) == [("North", "failed"), ("Receiver", "changed")]
    assert outcomes[0].error is not None
    after = export(appliance)
    assert after["connections"] == before["connections"]
    assert after["webhooks"][0]["enabled"] is False


def test_a_dry_run_rehearses_and_changes_nothing(appliance: Appliance) -> None:
    setup = furnish(appliance)
    before = copy.deepcopy(setup)
    setup["connections"][0]["historical_days"] = 5
    setup["connections"].append({"name": "New", "system": "sandbox"})
    setup["webhooks"][0]["events"] = ["*"]
    found = states(apply(appliance, setup, dry_run=True))
    assert found == [("North", "changed"), ("New", "created"), ("Receiver", "changed")]
    assert export(appliance) == before
    setup["connections"][0]["passthrough"] = ["nonsense"]
    assert states(apply(appliance, setup, dry_run=True))[0] == ("North", "failed")


class TestSecrets:
    def connection(self, appliance: Appliance, **secrets: Any) -> dict[str, Any]:
        return {"connections": [{**export(appliance)["connections"][0], "secrets": secrets}]}

    def test_they_are_named_and_never_written(self, appliance: Appliance, plant: Plant) -> None:
        made = connect_plant(appliance, plant, name="North").connection
        sealed = appliance.secrets.get(made.id)
        text = write(export(appliance))
        for name, value in sealed.items():
            assert value not in text
            assert f"from: env:SECRET_NORTH_{name.upper()}" in text

    def test_one_that_is_not_there_fails_a_new_connection(self, appliance: Appliance) -> None:
        wanted = {"name": "N", "system": "odoo", "secrets": {"password": {"from": "env:NOWHERE"}}}
        (outcome,) = apply(appliance, {"connections": [wanted]})
        assert outcome.error is not None and outcome.error.code == "SETUP_SECRET_MISSING"
        assert export(appliance)["connections"] == []

    def test_a_changed_one_is_told_by_name_only(self, appliance: Appliance) -> None:
        made = connect_sandbox(appliance, "North").connection
        appliance.secrets.put(made.id, {"password": "first"})
        wanted = self.connection(appliance, password={"from": "env:P"})
        text = write(wanted)
        assert applying(appliance, P="first").differences(read(text))[0].state == "same"
        assert applying(appliance).differences(read(text))[0].state == "same"
        (outcome,) = applying(appliance, P="second").differences(read(text))
        (difference,) = outcome.differences
        assert (difference.path, difference.before, difference.after) == (
            "secrets.password",
            "kept",
            "another",
        )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("connections: {", "no setup"),
        ("conections: []", "conections"),
        ("version: 2", "version 2"),
        ("connections: [{name: a, system: s}, {name: a, system: s}]", "twice"),
        ("webhooks: [{name: a, url: u, events: [], connection: c, application: p}]", "either"),
        ("connections: [{name: a, system: s, secrets: {p: {from: plain}}}]", "env:NAME"),
        ("connections: [{name: a, system: s, secrets: {p: hunter2}}]", "secrets"),
    ],
)
def test_a_file_that_is_none_is_refused(text: str, said: str) -> None:
    with pytest.raises(DocumentInvalid, match=said) as refused:
        read(text)
    assert "hunter2" not in refused.value.message


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with Appliances(tmp_path_factory.mktemp("shared")) as opened:
        appliance = opened.open(ManualClock(), disk_reserve_bytes=1 << 20)
        connect_sandbox(appliance, "North")
        yield appliance


texts = st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=20)
rules = st.fixed_dictionaries(
    {},
    optional={
        "every_seconds": st.integers(900, 86_400),
        "paused": st.just(True),
        "jitter_seconds": st.integers(0, 60),
    },
)
sections = st.fixed_dictionaries(
    {"name": st.just("North"), "system": st.just("sandbox")},
    optional={
        "historical_days": st.integers(1, 36_500),
        "metadata": st.lists(st.fixed_dictionaries({"key": texts.filter(bool), "value": texts}), max_size=3),
        "schedule": st.fixed_dictionaries(
            {
                "rule": rules,
                "entities": st.dictionaries(st.sampled_from(["WorkOrder", "Asset"]), rules, max_size=2),
            }
        ),
        "passthrough": st.lists(st.sampled_from(["GET /a/**", "POST /b", "SQL", "* /c/*"]), max_size=4),
        "mappings": st.dictionaries(
            st.sampled_from(["WorkOrder", "Asset"]),
            st.just({"map": {"title": None}}) | st.just({"map": {"description": None}}),
            max_size=1,
        ),
    },
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(wanted=sections)
def test_whatever_was_applied_is_there_and_comes_back_from_its_own_export(
    shared: Appliance, wanted: dict[str, Any]
) -> None:
    (first,) = apply(shared, {"connections": [wanted]})
    if first.state == "failed":
        return
    (again,) = apply(shared, {"connections": [wanted]})
    assert (again.state, again.differences) == ("same", [])
    exported = export(shared)
    assert states(apply(shared, exported)) == [("North", "same")]
    assert export(shared) == exported
