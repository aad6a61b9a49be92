"""The chain of message keys that chapters 03 and 04 share.

- A chain goes forward only: from a chain key follow all later keys, and no earlier one.
- A seed, not the key derived from it, is what is kept of a message that was passed over.

    >>> derive_seed(ChainKey(bytes(32))) == derive_next_chain_key(ChainKey(bytes(32)))
    False
"""

import hmac
from typing import Annotated, NewType

from annotated_types import Len
from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from cloister import errors

CHAIN_KEY_BYTES = 32
SEED_BYTES = 32
BLOCK_BITS = 128
ZERO_SALT = bytes(32)

ChainKey = NewType("ChainKey", Annotated[bytes, Len(CHAIN_KEY_BYTES, CHAIN_KEY_BYTES)])
"""32 bytes, from which the keys of all later messages follow."""

Seed = NewType("Seed", Annotated[bytes, Len(SEED_BYTES, SEED_BYTES)])
"""32 bytes, from which the keys of one message follow."""


def derive_seed(chain_key: ChainKey) -> Seed:
    """Derive the seed of the message at a chain key.

    Clauses: SK-2, PS-26
    """
    return Seed(hmac.digest(chain_key, b"\x01", "sha256"))


def derive_next_chain_key(chain_key: ChainKey) -> ChainKey:
    """Derive the chain key that follows.

    Clauses: SK-2, PS-26
    """
    return ChainKey(hmac.digest(chain_key, b"\x02", "sha256"))


def derive_key(secret: bytes, salt: bytes, info: bytes, size: int) -> bytes:
    """Derive `size` bytes from a secret: HKDF of RFC 5869 with SHA-256."""
    return HKDF(algorithm=SHA256(), length=size, salt=salt, info=info).derive(secret)


def encrypt_cbc(cipher_key: bytes, iv: bytes, plaintext: bytes) -> bytes:
    """Encrypt with AES-256-CBC and PKCS #7 padding; key 32 bytes, iv 16 bytes.

    Clauses: SK-4, PS-28
    """
    padder = padding.PKCS7(BLOCK_BITS).padder()
    encryptor = Cipher(algorithms.AES256(cipher_key), modes.CBC(iv)).encryptor()
    return encryptor.update(padder.update(plaintext) + padder.finalize()) + encryptor.finalize()


def decrypt_cbc(cipher_key: bytes, iv: bytes, ciphertext: bytes) -> bytes:
    """Decrypt what `encrypt_cbc` encrypted.

    Raises:
        DecryptionFailed: the ciphertext is not whole blocks, or its padding is wrong.
    Clauses: SK-4, SK-34, PS-28, PS-32
    """
    unpadder = padding.PKCS7(BLOCK_BITS).unpadder()
    decryptor = Cipher(algorithms.AES256(cipher_key), modes.CBC(iv)).decryptor()
    try:
        padded = decryptor.update(ciphertext) + decryptor.finalize()
        return unpadder.update(padded) + unpadder.finalize()
    except ValueError:
        raise errors.DecryptionFailed from None
