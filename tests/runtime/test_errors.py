"""What an answer of the source means."""

from typing import Any

import pytest

from appliance.errors import (
    SourceAccessDenied,
    SourceAnswerInvalid,
    SourceCredentialsRejected,
    SourceError,
    SourceThrottled,
    SourceUnreachable,
)
from appliance.runtime.definition import ErrorRule
from appliance.runtime.errors import EndOfData, ResumeRefused, raise_for, source_message
from tests.runtime.opened import answer


def meaning(status: int = 200, body: Any = b"", *rules: ErrorRule, **options: Any) -> SourceError:
    headers = options.pop("headers", {})
    with pytest.raises(SourceError) as told:
        raise_for(answer(status, body, **headers), rules, **options)
    return told.value


@pytest.mark.parametrize(
    ("status", "kind", "retryable"),
    [
        (301, SourceAnswerInvalid, False),
        (302, SourceAnswerInvalid, False),
        (400, SourceError, False),
        (401, SourceCredentialsRejected, False),
        (403, SourceAccessDenied, False),
        (404, SourceError, False),
        (408, SourceUnreachable, True),
        (410, SourceError, False),
        (429, SourceThrottled, True),
        (500, SourceError, False),
        (502, SourceUnreachable, True),
        (503, SourceUnreachable, True),
        (504, SourceUnreachable, True),
    ],
)
def test_statuses(status: int, kind: type[SourceError], retryable: bool) -> None:
    failure = meaning(status)
    assert type(failure) is kind
    assert failure.retryable is retryable
    assert failure.details["status"] == status
    assert failure.message[-1] in ".)"


@pytest.mark.parametrize("status", [200, 201, 204])
def test_a_good_answer_raises_nothing(status: int) -> None:
    raise_for(answer(status, {"error": None}), [ErrorRule(then="fail", path="error")])


@pytest.mark.parametrize("status", [400, 404, 410])
def test_a_kept_position_that_is_refused_begins_the_pass_again(status: int) -> None:
    assert type(meaning(status, resuming=True)) is ResumeRefused
    assert type(meaning(status)) is SourceError
    assert type(meaning(401, resuming=True)) is SourceCredentialsRejected


def test_the_source_s_own_pause_is_kept() -> None:
    told = [meaning(429, headers=h) for h in ({"Retry-After": "17"}, {}, {"Retry-After": "soon"})]
    assert [failure.retry_after for failure in told if isinstance(failure, SourceThrottled)] == [
        17.0,
        None,
        None,
    ]


@pytest.mark.parametrize(
    ("then", "kind"),
    [
        ("credentials", SourceCredentialsRejected),
        ("denied", SourceAccessDenied),
        ("throttled", SourceThrottled),
        ("unavailable", SourceUnreachable),
        ("fail", SourceError),
        ("restart", ResumeRefused),
        ("end", EndOfData),
    ],
)
def test_an_error_inside_a_200(then: Any, kind: type[SourceError]) -> None:
    rule = ErrorRule(then=then, status=(200,), path="error")
    assert type(meaning(200, {"error": {"message": "no"}}, rule)) is kind
    raise_for(answer(200, {"result": [{"error": "inside a row"}]}), [rule])


def test_an_answer_can_be_a_good_one_in_spite_of_its_status() -> None:
    raise_for(
        answer(404, {"code": "EMPTY"}),
        [ErrorRule(then="ignore", status=(404,), path="code", contains="EMPTY")],
    )


def test_the_first_rule_that_matches_counts_and_rules_come_before_statuses() -> None:
    rules = [
        ErrorRule(then="denied", status=(200,), path="error", contains="rights"),
        ErrorRule(then="throttled", path="error", contains="busy"),
        ErrorRule(then="credentials", status=(403,), contains="password"),
        ErrorRule(then="fail", status=(200,), path="error"),
    ]
    assert type(meaning(200, {"error": "no rights, busy"}, *rules)) is SourceAccessDenied
    assert type(meaning(500, {"error": "busy"}, *rules)) is SourceThrottled
    assert type(meaning(200, {"error": "other"}, *rules)) is SourceError
    assert type(meaning(403, "the password is old", *rules)) is SourceCredentialsRejected
    assert type(meaning(403, "no", *rules)) is SourceAccessDenied


def test_a_rule_can_look_into_a_list() -> None:
    rule = ErrorRule(then="denied", path="error.0", contains="Rights")
    assert type(meaning(200, {"error": ["NoRights", "x"]}, rule)) is SourceAccessDenied
    raise_for(answer(200, {"error": ["Other", "Rights"]}), [rule])
    raise_for(answer(200, {"error": []}), [rule])


def test_rules_do_not_mind_a_body_that_is_no_json() -> None:
    rule = ErrorRule(then="denied", path="error")
    for body in (b"", b"<html>", b"\xff\xfe", b'{"error":' * 100_000):
        raise_for(answer(200, body), [rule])


def test_the_advice_of_a_rule_is_said() -> None:
    failure = meaning(
        404, "", ErrorRule(then="fail", status=(404,), advice="There is no database of this name.")
    )
    assert "There is no database of this name." in failure.message


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (
            {"error": {"code": "X", "message": {"lang": "en", "value": "No\n such\t property"}}},
            "No such property",
        ),
        ({"error": {"message": "v4"}}, "v4"),
        (
            {
                "error": {
                    "message": {"value": "An exception was raised"},
                    "innererror": {
                        "errordetails": [
                            {"code": "06/321", "message": "No such vendor", "severity": "error"},
                            {"code": "06/400", "message": "Price is high", "severity": "warning"},
                            {"code": "06/074", "message": "No items", "severity": "error"},
                            {"code": "/IWBEP/CX_MGW_BUSI_EXCEPTION", "message": "An exception was raised"},
                        ]
                    },
                }
            },
            "No such vendor; No items",
        ),
        ({"error": {"message": "Odoo Server Error", "data": {"message": "Access Denied"}}}, "Access Denied"),
        (
            {"error": ["UserError", ['You are not allowed to access "Purchase".', "Within groups: ", None]]},
            'You are not allowed to access "Purchase".',
        ),
        ({"error": ["'nosuch'", ""]}, "'nosuch'"),
        ({"error": "invalid_grant", "error_description": "expired"}, "expired"),
        ({"error": "plain"}, "plain"),
        ({"message": "m"}, "m"),
        ({"detail": "d"}, "d"),
        ({"errors": [{"message": "e"}]}, "e"),
        ({"errors": ["e"]}, "e"),
        ({"unknown": "x"}, ""),
        ([1], ""),
        ("short text\nof two lines", "short text of two lines"),
        ("<html><head><title>Logon failed</title>", "Logon failed"),
        ("<html><head><title>403 Forbidden</title>", ""),
        (
            '<?xml version="1.0"?><error><message xml:lang="en">Service not found</message></error>',
            "Service not found",
        ),
        ({"error": {"message": "An error has occurred.", "innererror": {"message": "Blocked"}}}, "Blocked"),
        ({"non_field_errors": ["Not open"]}, "Not open"),
        ({"a": [], "items": [{"quantity": ["Too many"]}]}, "items: quantity: Too many"),
        ({"rows": [{"id": 1}]}, ""),
        ("<p>nothing that can be read</p>", ""),
        (b"", ""),
        (b"\xff\xfe\x00", "\ufffd\ufffd\x00"),
    ],
)
def test_the_source_s_own_words_on_one_line(body: Any, said: str) -> None:
    assert source_message(answer(400, body)) == said
    if said:
        assert meaning(400, body).message.endswith(f" It said: {said}")


def test_of_a_traceback_the_last_line_is_said() -> None:
    trace = 'Traceback (most recent call last):\n  File "rpc.py", line 69, in call\nValueError: Invalid field x\n\n'
    fault = f"<methodResponse><fault><value><struct><member><name>faultString</name><value>{trace}</value></member>"
    fault += "</struct></value></fault></methodResponse>"
    for body in (fault.encode(), {"error": {"data": {"message": trace}}}):
        assert source_message(answer(200, body)) == "ValueError: Invalid field x"


def test_the_source_s_own_words_are_cut() -> None:
    assert len(source_message(answer(400, {"message": "x" * 100_000}))) == 300
    assert len(source_message(answer(400, "y" * 100_000))) == 300


@pytest.mark.parametrize("status", [400, 401, 403, 429, 503])
def test_a_secret_that_the_source_repeats_is_taken_out(status: int) -> None:
    body = {"error": {"message": "user SYNC with Plant-2025! is not known; key abc?"}}
    failure = meaning(status, body, secrets=("Plant-2025!", "abc"))
    for told in (failure.message, str(failure.details), str(failure)):
        assert "Plant-2025!" not in told
        assert "abc" not in told
    assert "user SYNC with … is not known" in failure.message


def test_a_word_that_only_holds_a_secret_stays_readable() -> None:
    assert (
        source_message(answer(403, {"message": "no rights for admin"}), ("right", "admin"))
        == "no rights for …"
    )
