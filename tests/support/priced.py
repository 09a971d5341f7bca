"""A connector of a customer's own, without a network, that costs credits: for tests of many connects."""

from pathlib import Path

_DEFINITION = """
system: priced_{tier}
name: Priced {tier}
categories: [erp]
tier: {tier}
hosting: either
evidence: contract
summary: A list of currencies that costs credits.
versions: "1"
form:
  - {{name: password, label: Password, type: password}}
  - {{name: note, label: Note, required: false}}
defaults:
  read: {{protocol: code}}
  incremental: compare
entities:
  Currency:
    key: [code]
    map: {{code: code, name: name}}
"""

_CODE = """
from appliance.runtime.protocols import Page


class Reader:
    def __init__(self, source, entity, options):
        pass

    def first(self):
        return {}

    def fetch(self, position, since, *, resuming, sample):
        return Page([b'{"code": "EUR", "name": "Euro"}'], None, 1)
"""


def write_priced_connectors(folder: Path) -> Path:
    """Folders `priced_1` to `priced_3`, of the tier in their name, for the setting connectors_dir."""
    for tier in (1, 2, 3):
        place = folder / f"priced_{tier}"
        place.mkdir(parents=True)
        (place / "connector.yaml").write_text(_DEFINITION.format(tier=tier))
        (place / "code.py").write_text(_CODE)
    return folder
