"""What a limited key or token may do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import InvalidInput
from appliance.users.errors import ScopeExceeded
from appliance.users.scopes import VERBS, Scope, Wanted

ENTITIES = ("Asset", "WorkOrder", "Vendor")


def allows(scope: Scope, wanted: Wanted) -> bool:
    try:
        scope.check(wanted)
    except ScopeExceeded:
        return False
    return True


def test_without_limits_everything_is_allowed() -> None:
    assert all(allows(Scope(), Wanted(verb, entity, "con_1")) for verb in VERBS for entity in (None, "Asset"))


@pytest.mark.parametrize(
    ("limits", "wanted", "allowed"),
    [
        ({"entities": ["Asset"]}, Wanted("read", "Asset"), True),
        ({"entities": ["Asset"]}, Wanted("read", "WorkOrder"), False),
        ({"entities": ["Asset"]}, Wanted("read"), False),
        ({"entities": ["Asset"]}, Wanted("sync"), False),
        ({"entities": ["Asset"]}, Wanted("raw"), False),
        ({"entities": ["Asset"], "verbs": ["read", "sync"]}, Wanted("sync"), True),
        ({"entities": ["Asset"], "verbs": ["read", "sync"]}, Wanted("read"), False),
        ({"verbs": ["read"]}, Wanted("read", "Asset"), True),
        ({"verbs": ["read"]}, Wanted("update", "Asset"), False),
        ({"verbs": ["read"]}, Wanted("manage"), False),
        ({"connections": ["con_1"]}, Wanted("read", "Asset", "con_1"), True),
        ({"connections": ["con_1"]}, Wanted("read", "Asset", "con_2"), False),
    ],
)
def test_each_part_closes_what_it_leaves_out(
    limits: dict[str, list[str]], wanted: Wanted, allowed: bool
) -> None:
    assert allows(Scope.of(limits, ENTITIES), wanted) is allowed


@pytest.mark.parametrize(
    ("networks", "address", "allowed"),
    [
        (["10.20.0.0/16"], "10.20.3.4", True),
        (["10.20.0.0/16"], "10.21.3.4", False),
        (["10.20.3.4"], "::ffff:10.20.3.4", True),
        (["fd00::/8"], "fd12::1", True),
        (["fd00::/8"], "10.20.3.4", False),
        (["0.0.0.0/0"], None, False),
        (["0.0.0.0/0"], "no address", False),
    ],
)
def test_addresses_are_compared_with_ranges(networks: list[str], address: str | None, allowed: bool) -> None:
    scope = Scope.of({"networks": networks}, ENTITIES)
    if allowed:
        scope.check_address(address)
    else:
        with pytest.raises(ScopeExceeded):
            scope.check_address(address)


@pytest.mark.parametrize(
    "limits",
    [
        {"entities": ["Assets"]},
        {"verbs": ["write"]},
        {"networks": ["10.0.0.1/8"]},
        {"networks": ["plant.example"]},
        {"entities": []},
        {"entities": "Asset"},
        {"verbs": [1]},
        {"connections": ["x"] * 201},
    ],
)
def test_a_limit_that_is_none_is_refused_by_name(limits: dict[str, object]) -> None:
    with pytest.raises(InvalidInput) as refused:
        Scope.of(limits, ENTITIES)
    assert set(refused.value.details["fields"]) == set(limits)


scopes = st.builds(
    Scope.of,
    st.fixed_dictionaries(
        {},
        optional={
            "entities": st.lists(st.sampled_from(ENTITIES), min_size=1),
            "verbs": st.lists(st.sampled_from(VERBS), min_size=1),
            "connections": st.lists(st.sampled_from(("con_1", "con_2")), min_size=1),
            "networks": st.lists(st.sampled_from(("10.0.0.0/8", "::1/128")), min_size=1),
        },
    ),
    st.just(ENTITIES),
)


@given(scopes)
def test_a_scope_is_read_as_it_was_written(scope: Scope) -> None:
    read = Scope.read(scope.write())
    assert read.as_dict() == scope.as_dict()
    assert (read.entities, read.verbs, read.connections) == (scope.entities, scope.verbs, scope.connections)


def test_naming_a_verb_of_no_entity_is_not_within_a_limit_to_entities() -> None:
    wide = Scope.of({"entities": ["Asset"]}, ENTITIES)
    narrow = Scope.of({"entities": ["Asset"], "verbs": ["sync"]}, ENTITIES)
    assert allows(narrow, Wanted("sync")) and not allows(wide, Wanted("sync"))
    assert not narrow.within(wide)


@given(scopes, scopes, st.sampled_from(VERBS), st.sampled_from((None, *ENTITIES)))
def test_what_lies_within_allows_nothing_more(
    narrow: Scope, wide: Scope, verb: str, entity: str | None
) -> None:
    wanted = Wanted(verb, entity, "con_1")
    if narrow.within(wide) and allows(narrow, wanted):
        assert allows(wide, wanted)
