"""Chapter 05, first part: the layer cipher, which seals a text to a public key.

- Whoever has the public key can seal; nobody but the owner of the private key can open, the sealer included.
- It says nothing about who sealed.

    >>> import secrets
    >>> bob = identity.derive_identity(bytes(32))
    >>> open_sealed(bob.private, seal(bob.public, b"hello", secrets.token_bytes))
    b'hello'
"""

import hmac

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from cloister import errors, identity, wire
from cloister._proto import envelopes_pb2
from cloister.identity import PrivateKey, PublicKey

SEALING_KEY = b"LOKI"
EPHEMERAL_KEY_BYTES = 32
IV_BYTES = 12
TAG_BYTES = 16

KEY_TYPE = bytes([identity.KEY_TYPE])


def derive_sealing_key(private: PrivateKey, public: PublicKey) -> bytes:
    """Derive the key, 32 bytes, between an ephemeral key and a recipient's, from either side.

    Clauses: EN-4
    """
    return hmac.digest(SEALING_KEY, identity.agree(private, public), "sha256")


def encrypt_layer(key: bytes, plaintext: bytes, *, iv: bytes) -> bytes:
    """Encrypt with a sealing key; return `iv || ciphertext || tag`.

    Clauses: EN-5
    """
    return iv + AESGCM(key).encrypt(iv, plaintext, None)


def decrypt_layer(key: bytes, ciphertext: bytes) -> bytes:
    """Decrypt what `encrypt_layer` encrypted.

    Raises:
        DecryptionFailed: it is too short, or its tag does not verify.
    Clauses: EN-5, EN-7
    """
    if len(ciphertext) < IV_BYTES + TAG_BYTES:
        raise errors.DecryptionFailed
    try:
        return AESGCM(key).decrypt(ciphertext[:IV_BYTES], ciphertext[IV_BYTES:], None)
    except InvalidTag:
        raise errors.DecryptionFailed from None


def seal(recipient: PublicKey, plaintext: bytes, random: wire.Random) -> bytes:
    """Seal a plaintext to a recipient.

    Clauses: EN-4, EN-5, EN-6
    """
    ephemeral = identity.generate_key_pair(random)
    key = derive_sealing_key(ephemeral.private, recipient)
    ciphertext = encrypt_layer(key, plaintext, iv=random(IV_BYTES))
    return wire.encode_protobuf(envelopes_pb2.SealedEnvelope(ciphertext=ciphertext, ephemeral_key=ephemeral.public[1:]))


def open_sealed(private: PrivateKey, sealed: bytes) -> bytes:
    """Open an unverified sealed text with the recipient's private key.

    Raises:
        TooLarge, InvalidMessage: it is not well-formed.
        InvalidKey: the ephemeral key is not acceptable.
        DecryptionFailed: it is not sealed to this key, or damaged.
    Clauses: EN-7, EN-8, EN-9, EN-13
    """
    wire.check_frame_size(sealed)
    fields = wire.decode_protobuf(envelopes_pb2.SealedEnvelope, sealed)
    ephemeral = identity.decode_public_key(KEY_TYPE + fields.ephemeral_key)
    return decrypt_layer(derive_sealing_key(private, ephemeral), fields.ciphertext)
