"""Makes what the tests keep of outside systems, so that no test waits for it: `python -m tests.real`.

One that cannot run here is told, and is no error: the tests that need it say so themselves.
"""

import sys

from tests.real.cache import Unavailable
from tests.real.odata_mock import ODataMock
from tests.real.tryton import Tryton


def main() -> int:
    for system in (Tryton, ODataMock):
        try:
            with system():
                sys.stdout.write(f"{system.__name__} starts\n")
        except Unavailable as reason:
            sys.stdout.write(f"{system.__name__}: {reason}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
