"""The environment for programs that are not this one."""

import os
import sys
from collections.abc import Mapping

_LIBRARIES = "LD_LIBRARY_PATH"
_MARKS = "_PYI_"


def outside_environment(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Without what the packaged program adds: its own libraries do not fit others, nor do its marks another release.

    The packager keeps the path of libraries that was there before under another name.
    """
    if not getattr(sys, "frozen", False):
        return dict(environ)
    found = {
        name: value
        for name, value in environ.items()
        if not name.startswith(_MARKS) and name not in (_LIBRARIES, f"{_LIBRARIES}_ORIG")
    }
    before = environ.get(f"{_LIBRARIES}_ORIG")
    return found if before is None else {**found, _LIBRARIES: before}
