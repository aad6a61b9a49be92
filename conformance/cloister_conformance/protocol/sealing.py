"""The methods of chapter 05 about the layer cipher."""

from typing import Annotated

from annotated_types import Len

from cloister_conformance.protocol.messages import Hex, Injected, Message, Method
from cloister_conformance.protocol.sender_keys import Plaintext

Hex44 = Annotated[Hex, Len(44, 44)]
Random = Annotated[Hex44 | None, Injected("sealing-deterministic")]

SEALED_ERRORS = ("TooLarge", "InvalidMessage", "InvalidKey", "DecryptionFailed")


class Seal(Message):
    public_key: Hex
    plaintext: Hex
    random: Random = None


class Sealed(Message):
    sealed: Hex


class OpenSealed(Sealed):
    private_key: Hex


METHODS = (
    Method(
        name="sealing.seal",
        capability="sealing",
        summary="Seal a plaintext; `random` is the ephemeral private key, 32 bytes, and the IV.",
        params=Seal,
        result=Sealed,
        errors=("InvalidKey",),
        sample={"public_key": "", "plaintext": ""},
    ),
    Method(
        name="sealing.open_sealed",
        capability="sealing",
        summary="Open a sealed text.",
        params=OpenSealed,
        result=Plaintext,
        errors=SEALED_ERRORS,
        sample={"private_key": "40" * 32, "sealed": ""},
    ),
)
