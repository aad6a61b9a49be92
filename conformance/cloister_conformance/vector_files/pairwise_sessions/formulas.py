"""The formulas of chapter 03 written out once more with a library, so that stages are not the reference's own."""

import hmac
from typing import NamedTuple

from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


class MessageKeys(NamedTuple):
    """What encrypts one message."""

    seed: bytes
    cipher_key: bytes
    mac_key: bytes
    iv: bytes


def agree(private: bytes, public: bytes) -> bytes:
    """X25519."""
    return X25519PrivateKey.from_private_bytes(private).exchange(X25519PublicKey.from_public_bytes(public[1:]))


def derive(secret: bytes, salt: bytes, info: bytes, size: int) -> bytes:
    """HKDF with SHA-256."""
    return HKDF(SHA256(), size, salt, info).derive(secret)


def x3dh(*agreements: bytes) -> tuple[bytes, bytes]:
    """The root key and the chain key of three or four agreements."""
    derived = derive(b"\xff" * 32 + b"".join(agreements), bytes(32), b"WhisperText", 64)
    return derived[:32], derived[32:]


def step(root_key: bytes, private: bytes, public: bytes) -> tuple[bytes, bytes]:
    """The next root key and the first chain key."""
    derived = derive(agree(private, public), root_key, b"WhisperRatchet", 64)
    return derived[:32], derived[32:]


def advance(chain_key: bytes) -> bytes:
    """The next chain key."""
    return hmac.digest(chain_key, b"\x02", "sha256")


def message_keys(chain_key: bytes) -> MessageKeys:
    """The keys of the message at a chain key."""
    seed = hmac.digest(chain_key, b"\x01", "sha256")
    derived = derive(seed, bytes(32), b"WhisperMessageKeys", 80)
    return MessageKeys(seed, derived[:32], derived[32:64], derived[64:])


def encrypt(keys: MessageKeys, plaintext: bytes) -> bytes:
    """AES-256-CBC with PKCS #7 padding."""
    padder = padding.PKCS7(128).padder()
    return encrypt_blocks(keys, padder.update(plaintext) + padder.finalize())


def encrypt_blocks(keys: MessageKeys, blocks: bytes) -> bytes:
    """AES-256-CBC of whole blocks as they are."""
    encryptor = Cipher(algorithms.AES256(keys.cipher_key), modes.CBC(keys.iv)).encryptor()
    return encryptor.update(blocks) + encryptor.finalize()


def mac(keys: MessageKeys, sender: bytes, receiver: bytes, body: bytes) -> bytes:
    """The MAC of a body."""
    return hmac.digest(keys.mac_key, sender + receiver + body, "sha256")[:8]
