"""How long an upgrade waits, in seconds."""

RUNS_SECONDS = 120.0
"""For runs to end at their page."""
STOP_SECONDS = 60.0
READY_SECONDS = 120.0
"""For the service, until it is ready. The operator may say another time."""
WATCH_SECONDS = 60.0
"""How long it has to stay ready."""
