"""Chapter 02: signatures with given Z, and the values on the way."""

from cloister import identity

from cloister_conformance.hand_made import material
from cloister_conformance.vector_files.cases import Group, Json
from cloister_conformance.vector_files.identity.bad_keys import (
    bad_private_keys,
)
from cloister_conformance.vector_files.identity.raw_signatures import MESSAGE
from cloister_conformance.vector_files.identity.stages import stage_signature

NPM_LIBSIGNAL = {"name": "fixed-key values, read by npm libsignal", "version": "6.0.0"}


def signing() -> Group:
    """Signatures with given Z, and the values on the way."""
    group = Group("Signing", "identity.sign")

    def sign(comment: str, flag: str, pair: identity.KeyPair, message: bytes, Z: bytes) -> None:
        stages = stage_signature(pair.private, message, Z)
        inputs: Json = {"private_key": pair.private, "message": message, "random": Z}
        group.valid(comment, flag, "ID-10 ID-11", intermediates=stages, **inputs)

    for index in range(32):
        pair = material.find_key_pair(f"signer {index}", sign=index % 2)
        message = material.derive_bytes(f"message {index}", index * 5)
        Z = material.derive_bytes(f"Z {index}", 64)
        sign(f"key {index}, A with sign {index % 2}, {len(message)} bytes", "Ordinary SignBit", pair, message, Z)
    for sign_bit in (0, 1):
        pair = material.find_key_pair("signing edge", sign=sign_bit)
        Z = material.derive_bytes("Z edge", 64)
        for length in (0, 1, 31, 32, 33, 63, 64, 65, 127, 128, 129, 255, 256, 1000, 4096):
            message = material.derive_bytes("signing edge", length)
            sign(f"{length} bytes, A with sign {sign_bit}", "EdgeMessage SignBit", pair, message, Z)
        for name, Z in (("zeros", bytes(64)), ("0xff", b"\xff" * 64), ("0xfe", b"\xfe" * 64)):
            sign(f"Z of {name}, A with sign {sign_bit}", "EdgeRandom SignBit", pair, MESSAGE, Z)
    return group


def signing_keys() -> Group:
    """Private keys that are refused, given to the signer."""
    group = Group("PrivateKey", "identity.sign")
    Z = material.derive_bytes("Z", 64)
    for comment, private in bad_private_keys():
        group.invalid(comment, "InvalidKey", "PrivateKeyForm", "ID-8", private_key=private, message=MESSAGE, random=Z)
    return group


def deployed_signature() -> Group:
    """A signature over a prekey that a deployed library has read."""
    group = Group("Signing", "identity.sign", source=NPM_LIBSIGNAL)
    k = identity.PrivateKey(bytes.fromhex("500ff3e98b28a36d1df44737ac6c1b1814060e397abae9a120859253bc979977"))
    message = bytes.fromhex("0546dae2fcca6cde9c5c9e171c6ec1d4c6a7bcc82c032c5b73d9ff99794e9ab038")
    Z = bytes.fromhex(
        "1fd89762c199c4b840f410b39f59a17df94faacb5c36c3225e6a0fdb2ef9cdc8a94e80434aa8550f3824f12b4fd2aa4c93b64dcd7de971283e6a510a45ae32ea"
    )
    signature = (
        "e715c916e72227668f153c693aafccb785f1f213c1ce9834e7e90d5ed1d3e51c"
        "fdc9c0ab10832529b3d8979155a9c0cb934951feed1938b807d54ff8a015e00b"
    )
    stages = stage_signature(k, message, Z)
    inputs: Json = {"private_key": k, "message": message, "random": Z}
    group.valid(
        "a signed prekey", "Published", "ID-11", expected={"signature": signature}, intermediates=stages, **inputs
    )
    return group
