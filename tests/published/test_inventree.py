"""The facts of InvenTree against its published schema."""

import re

from appliance.runtime.definition import HttpRead
from tests.published.originals import original
from tests.runtime.opened import catalog
from tests.simulators.inventree.server import LISTS


def test_the_simulator_knows_what_the_published_schema_names() -> None:
    text = original("inventree/inventree-api-v534.yaml").read_text("utf-8")
    for entity in catalog().folder("inventree").definition.entities.values():
        if isinstance(entity.read, HttpRead):
            assert f"\n  /api/{entity.read.request.path}:\n" in text
    for listed, known in LISTS.items():
        block = re.split(r"\n  /", text.split(f"\n  /api/{listed}:\n")[1])[0]
        for name in known["parameters"]:
            assert f"name: {name}\n" in block, (listed, name)
        for field in known["fields"]:
            assert re.search(rf"^        {field}:$", text, re.M), (listed, field)
