"""Files: rows of the files of a folder, and the ledger of those already taken."""

from appliance.runtime.protocols.files.pages import FilesPages

__all__ = ["FilesPages"]
