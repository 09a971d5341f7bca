"""Keys of archives: each has one of its own, wrapped by the master key, which is never in the archive."""

from dataclasses import dataclass
from typing import NamedTuple

from appliance.vault.envelope import unseal
from appliance.vault.errors import MasterKeyRejected
from appliance.vault.keyring import Keyring
from appliance.vault.sources import Derivation, MasterKey, MasterKeySource

CONTEXT = ("backup", "archive key")


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """`master_key_id` names the key that opens it; `derivation` is how a passphrase becomes that key."""

    master_key_id: str
    derivation: Derivation | None
    sealed: bytes


class GivenKey(NamedTuple):
    """A master key that was found already, as a source: nothing is looked for, made or moved."""

    key: MasterKey

    @property
    def place(self) -> str:
        return self.key.origin

    def candidates(self, derivation: Derivation | None) -> list[MasterKey]:
        return [self.key]

    def first(self) -> MasterKey:
        return self.key

    def next(self) -> MasterKey:
        return self.key

    def settle(self, key_id: str) -> None:
        """Nothing: what waits beside another keyring is not this one's."""


def wrap(keyring: Keyring, key: bytes) -> WrappedKey:
    """Wrap the key of a new archive."""
    master_key_id, derivation, sealed = keyring.seal_by_master(key, CONTEXT)
    return WrappedKey(master_key_id, derivation, sealed)


def unwrap(wrapped: WrappedKey, source: MasterKeySource, what: str) -> tuple[bytes, MasterKey]:
    """The archive's key, and the master key that opened it. `what` is the archive's name, for messages.

    Raises MasterKeyRejected when `source` has not the key that is needed, SealBroken, KeyFileRefused.
    """
    found = source.candidates(wrapped.derivation)
    for master in found:
        if master.id == wrapped.master_key_id:
            return unseal(master.key, wrapped.sealed, CONTEXT), master
    given = ", ".join(master.id for master in found)
    raise MasterKeyRejected(
        f"{what} needs master key {wrapped.master_key_id}, which is not in it; "
        f"{source.place} {f'gave {given}' if found else 'has none'}. Put that key in its place. Nothing was changed.",
        details={"needed": wrapped.master_key_id, "given": given or None, "place": source.place},
    )
