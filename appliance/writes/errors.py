"""What can be wrong with a write before it reaches the source, and with asking for it again."""

from collections.abc import Sequence
from typing import Any

from appliance.errors import Conflict, InvalidInput, NotFound


class WriteInvalid(InvalidInput):
    """`details.fields` lists every field that cannot be taken, each with a code and what to do."""

    code = "VALIDATION_FAILED"

    def __init__(self, problems: Sequence[dict[str, Any]]) -> None:
        first = problems[0]
        more = f" and {len(problems) - 1} more" if len(problems) > 1 else ""
        super().__init__(f"{first['field']}: {first['message']}{more}", details={"fields": list(problems)})


class NotSupported(InvalidInput):
    """This system cannot do that, whatever the body; `details` tell what it can."""

    code = "NOT_SUPPORTED"


class IdempotencyKeyReused(Conflict):
    """The Idempotency-Key stands for another request; take a new one for each write."""

    code = "IDEMPOTENCY_KEY_REUSED"


class WriteInProgress(Conflict):
    """The write of this Idempotency-Key is under way; ask again later."""

    code = "WRITE_IN_PROGRESS"
    retryable = True


class WriteTargetUnknown(NotFound):
    """There is no record with the key in the path."""

    code = "RECORD_NOT_FOUND"


class TaskNotFound(NotFound):
    """There is no task with this id in the connection."""

    code = "TASK_NOT_FOUND"


def problem(field: str, code: str, message: str) -> dict[str, Any]:
    return {"field": field, "code": code, "message": message}
