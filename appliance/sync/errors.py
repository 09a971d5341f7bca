from appliance.errors import ApplianceError, AuthenticationFailed, Conflict, InvalidInput, NotFound


class RunNotFound(NotFound):
    code = "RUN_NOT_FOUND"


class UnknownEntity(InvalidInput):
    code = "UNKNOWN_ENTITY"


class NotSynchronizing(Conflict):
    code = "CONNECTION_NOT_SYNCHRONIZING"


class RejectedRowNotFound(NotFound):
    code = "REJECTED_ROW_NOT_FOUND"


class DriftNotFound(NotFound):
    code = "DRIFT_NOT_FOUND"


class HoldNotFound(NotFound):
    """There is no such deletion waiting for a word in this connection."""

    code = "DELETION_HOLD_NOT_FOUND"


class HoldDecided(Conflict):
    """The deletion was approved, dismissed or settled before."""

    code = "DELETION_HOLD_DECIDED"


class LeaseLost(ApplianceError):
    """Another worker has the run, or it was ended: write nothing more."""

    code = "RUN_LEASE_LOST"
    type = "internal"


class Interrupted(ApplianceError):
    """The appliance is stopping; the run goes on from its checkpoint at the next start."""

    code = "RUN_INTERRUPTED"
    type = "internal"
    retryable = True


class PushAddressUnknown(NotFound):
    """No connection takes deliveries at this address: it is wrong, was renewed, or is switched off."""

    code = "PUSH_ADDRESS_UNKNOWN"


class PushRefused(AuthenticationFailed):
    """The delivery is not signed by the connection's source, or its time is too far from ours."""

    code = "PUSH_SIGNATURE_INVALID"


class PushNotSupported(Conflict):
    """The connector declares no deliveries of its system, or none that need what was asked for."""

    code = "PUSH_NOT_SUPPORTED"


class PushIsOff(Conflict):
    """The connection takes no deliveries; make an address first."""

    code = "PUSH_OFF"


class ScheduleInvalid(InvalidInput):
    code = "SCHEDULE_INVALID"
