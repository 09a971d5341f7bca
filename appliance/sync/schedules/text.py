"""Rules as people type them, on the command line and on the admin page: `15m`, `30 2 * * *`, `mon,fri 22:00-06:00`.

Only the form is read here; whether a rule may be so is for `rule.read_rule`.
"""

import re
from typing import Any

from appliance.sync.errors import ScheduleInvalid
from appliance.sync.schedules.rule import DAYS

NEVER = "never"
UNITS = {"d": 86_400, "h": 3600, "m": 60, "s": 1}


def read_pattern(text: str, where: str) -> dict[str, Any]:
    """`every_seconds` or `cron` of a rule. Raises ScheduleInvalid."""
    if len(text.split()) == 5:
        return {"cron": " ".join(text.split())}
    found = re.fullmatch(r"(\d{1,7}) ?([smhd])", text.strip())
    if found is None:
        wanted = "a length of time such as 90s, 15m, 2h or 1d, or the five fields of cron such as 30 2 * * *"
        raise ScheduleInvalid(f"{where} is {wanted}.", details={"fields": {where: wanted}})
    return {"every_seconds": int(found[1]) * UNITS[found[2]]}


def read_reconcile(text: str, where: str) -> Any:
    """`reconcile` of a rule. Raises ScheduleInvalid."""
    return False if text.strip() == NEVER else read_pattern(text, where)


def read_window(text: str, where: str) -> dict[str, Any]:
    """One quiet window. Raises ScheduleInvalid."""
    found = re.fullmatch(r"(?:([a-z, ]+) )?(\d\d:\d\d) *[-–] *(\d\d:\d\d)", text.strip().lower())
    if found is None:
        wanted = f"hours such as 22:00-06:00 or mon,fri 12:00-13:00, with the days {', '.join(DAYS)}"
        raise ScheduleInvalid(f"{where} is {wanted}.", details={"fields": {where: wanted}})
    days = {"days": re.findall(r"[a-z]+", found[1])} if found[1] else {}
    return {**days, "from": found[2], "to": found[3]}


def pattern_text(rule: dict[str, Any]) -> str:
    """As `read_pattern` takes it, empty where the rule leaves it open."""
    if "cron" in rule:
        return str(rule["cron"])
    if "every_seconds" not in rule:
        return ""
    seconds = rule["every_seconds"]
    unit = next(unit for unit, length in UNITS.items() if seconds % length == 0)
    return f"{seconds // UNITS[unit]}{unit}"


def reconcile_text(rule: dict[str, Any]) -> str:
    reconcile = rule.get("reconcile")
    return "" if reconcile is None else NEVER if reconcile is False else pattern_text(reconcile)


def window_text(window: dict[str, Any]) -> str:
    days = f"{','.join(window['days'])} " if "days" in window else ""
    return f"{days}{window['from']}-{window['to']}"
