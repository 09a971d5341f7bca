"""Reads files of one folder: on this machine, over SFTP, or on a Windows share."""

from collections.abc import Sequence
from pathlib import Path

from appliance.errors import ConfigurationError
from appliance.transport.egress import Egress
from appliance.transport.files.folder import Entry, Folder, Place
from appliance.transport.files.local import LocalFolder

__all__ = ["Entry", "Folder", "Place", "open_folder"]


def open_folder(place: Place, egress: Egress, roots: Sequence[Path]) -> Folder:
    """The folder of a place; no traffic yet. `roots` are the folders of this machine that may be read.

    Raises ConfigurationError for a place of an unknown kind.
    """
    match place.kind:
        case "local":
            return LocalFolder(place, roots)
        case "sftp":
            from appliance.transport.files.sftp import SftpFolder

            return SftpFolder(place, egress)
        case "smb":
            from appliance.transport.files.smb import SmbFolder

            return SmbFolder(place, egress)
    raise ConfigurationError(f"Files cannot be read from {place.kind!r}. Places: local, sftp, smb.")
