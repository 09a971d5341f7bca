"""What can be wrong with a file and with one of its rows."""

from typing import NamedTuple

from appliance.errors import SourceAnswerInvalid


class FileBroken(SourceAnswerInvalid):
    """A file that cannot be read to its end: half-written, of another format, or damaged. It is left for later."""

    code = "SOURCE_FILE_BROKEN"


class Rejected(NamedTuple):
    """A row that cannot be read; the file goes on after it."""

    reason: str
