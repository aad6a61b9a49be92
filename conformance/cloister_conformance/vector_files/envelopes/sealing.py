"""Chapter 05: the layer cipher, with given ephemeral keys and IVs."""

import hmac

from cloister.identity import KeyPair
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from cloister_conformance.hand_made import material
from cloister_conformance.hand_made.protobuf import field
from cloister_conformance.vector_files.cases import Group, Json
from cloister_conformance.vector_files.identity.bad_keys import kinds_of_bad_public_key

BOB = material.derive_key_pair("sealing, bob")


def agree(private: bytes, public: bytes) -> bytes:
    """Agree with the library alone."""
    return X25519PrivateKey.from_private_bytes(private).exchange(X25519PublicKey.from_public_bytes(public[1:]))


def stage(ephemeral: KeyPair, recipient: bytes, iv: bytes, plaintext: bytes) -> dict[str, bytes]:
    """Compute a sealed text, with the values on its way."""
    secret = agree(ephemeral.private, recipient)
    key = hmac.digest(b"LOKI", secret, "sha256")
    ciphertext = iv + AESGCM(key).encrypt(iv, plaintext, None)
    return {"shared_secret": secret, "sealing_key": key, "sealed": join(ciphertext, ephemeral.public[1:])}


def join(ciphertext: bytes, ephemeral_key: bytes) -> bytes:
    """Join the fields of a sealed envelope."""
    return field(1, ciphertext) + field(2, ephemeral_key)


def sealed() -> Group:
    """Texts that are sealed."""
    group = Group("Seal", "sealing.seal")
    for size in (*range(18), 31, 32, 33, 159, 319, 4096):
        ephemeral, iv = material.derive_key_pair(f"ephemeral {size}"), material.derive_bytes(f"iv {size}", 12)
        plaintext = material.derive_bytes("sealed", size)
        stages = stage(ephemeral, BOB.public, iv, plaintext)
        expected = {"sealed": stages.pop("sealed").hex()}
        inputs = {"public_key": BOB.public, "plaintext": plaintext, "random": ephemeral.private + iv}
        group.valid(f"{size} bytes", "Staged", "EN-4 EN-5", expected=expected, intermediates=stages, **inputs)
    for comment, clause, public in kinds_of_bad_public_key(BOB.public):
        inputs = {"public_key": public, "plaintext": b"text", "random": BOB.private + bytes(12)}
        group.invalid(f"recipient: {comment}", "InvalidKey", "EphemeralKey", clause, **inputs)
    return group


def opened() -> Group:
    """Sealed texts that are opened, and that are refused."""
    group = Group("Open", "sealing.open_sealed")
    ephemeral, iv = material.derive_key_pair("ephemeral"), material.derive_bytes("iv", 12)

    def inputs(data: bytes, private: bytes = BOB.private) -> Json:
        return {"private_key": private, "sealed": data}

    for size in (0, 1, 15, 16, 17, 159, 4096):
        plaintext = material.derive_bytes("sealed", size)
        data = stage(ephemeral, BOB.public, iv, plaintext)["sealed"]
        group.valid(f"{size} bytes", "Staged", "EN-4 EN-5", expected={"plaintext": plaintext.hex()}, **inputs(data))

    key = stage(ephemeral, BOB.public, iv, b"")["sealing_key"]
    ciphertext = iv + AESGCM(key).encrypt(iv, b"a text", None)
    for index in range(len(ciphertext)):
        changed = ciphertext[:index] + bytes([ciphertext[index] ^ 0x04]) + ciphertext[index + 1 :]
        data = join(changed, ephemeral.public[1:])
        group.invalid(f"byte {index} changed", "DecryptionFailed", "Tampered", "EN-7", **inputs(data))
    for size in (0, 1, 11, 12, 13, 27):
        data = join(ciphertext[:size], ephemeral.public[1:])
        group.invalid(f"{size} bytes of ciphertext", "DecryptionFailed", "TooShort", "EN-7", **inputs(data))
    for name, other in (
        ("cut by a byte", ciphertext[:-1]),
        ("longer by a byte", ciphertext + b"\0"),
        ("the tag before the ciphertext", iv + ciphertext[-16:] + ciphertext[12:-16]),
        ("the IV at the end", ciphertext[12:] + iv),
        ("the IV as associated data", iv + AESGCM(key).encrypt(iv, b"a text", iv)),
        ("the agreement as key", iv + AESGCM(agree(ephemeral.private, BOB.public)).encrypt(iv, b"a text", None)),
    ):
        data = join(other, ephemeral.public[1:])
        group.invalid(f"ciphertext: {name}", "DecryptionFailed", "Tampered", "EN-5 EN-7", **inputs(data))

    for label in ("carol", "the sealer"):
        private = (ephemeral if label == "the sealer" else material.derive_key_pair(label)).private
        data = join(ciphertext, ephemeral.public[1:])
        group.invalid(f"opened by {label}", "DecryptionFailed", "OtherKey", "EN-4 EN-7", **inputs(data, private))

    good = ephemeral.public
    bad_keys = [("a byte too short", good[1:-1]), ("with its type", good)]
    bad_keys += [(comment, key[1:]) for comment, _, key in kinds_of_bad_public_key(good) if key[:1] == good[:1]]
    for comment, key in (("empty", b""), *bad_keys):
        data = join(ciphertext, key)
        group.invalid(f"ephemeral key: {comment}", "InvalidKey", "EphemeralKey", "EN-8", **inputs(data))

    for name, data in (
        ("nothing", b""),
        ("no ciphertext", field(2, ephemeral.public[1:])),
        ("no ephemeral key", field(1, ciphertext)),
        ("rubbish", b"\xff" * 40),
        ("cut in the middle", join(ciphertext, ephemeral.public[1:])[:-7]),
    ):
        group.invalid(f"fields: {name}", "InvalidMessage", "Fields", "EN-9", **inputs(data))
    return group
