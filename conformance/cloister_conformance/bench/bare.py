"""The primitives alone, written out: what no implementation on top of the same libraries can go below.

No check, no protobuf, no padding, no state, and no function of the reference in the way.
"""

import hashlib
import hmac
import os
from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from nacl.bindings import crypto_scalarmult, crypto_scalarmult_base, crypto_scalarmult_ed25519_base_noclamp

Q = 2**252 + 27742317777372353535851937790883648493
HASH_PREFIX = b"\xfe" + b"\xff" * 31
ZERO_SALT = bytes(32)


def sign(k: bytes, message: bytes) -> bytes:
    """Sign: two multiplications of the base point, two SHA-512 hashes, and the integers between them."""
    A = crypto_scalarmult_ed25519_base_noclamp(k)
    Z = os.urandom(64)
    r = int.from_bytes(hashlib.sha512(HASH_PREFIX + k + message + Z).digest(), "little") % Q
    R = crypto_scalarmult_ed25519_base_noclamp(r.to_bytes(32, "little"))
    h = int.from_bytes(hashlib.sha512(R + A + message).digest(), "little") % Q
    return R + ((r + h * int.from_bytes(k, "little")) % Q).to_bytes(32, "little")


def verify(A: bytes, message: bytes, signature: bytes) -> None:
    """Verify with the Edwards form of the key, which is what Ed25519 takes."""
    Ed25519PublicKey.from_public_bytes(A).verify(signature, message)


def agree(private: bytes, u: bytes) -> bytes:
    """Agree."""
    return crypto_scalarmult(private, u)


def generate() -> bytes:
    """Generate a key pair; return the public key."""
    return crypto_scalarmult_base(os.urandom(32))


def derive_message_key(chain_key: bytes) -> tuple[bytes, bytes, bytes]:
    """Derive the next chain key, and IV and cipher key of a message: two HMACs of the chain, three of HKDF."""
    seed = hmac.digest(chain_key, b"\x01", "sha256")
    prk = hmac.digest(ZERO_SALT, seed, "sha256")
    first = hmac.digest(prk, b"WhisperGroup\x01", "sha256")
    second = hmac.digest(prk, first + b"WhisperGroup\x02", "sha256")
    return hmac.digest(chain_key, b"\x02", "sha256"), first[:16], first[16:] + second[:16]


def encrypt(chain_key: bytes, k: bytes, padded: bytes) -> tuple[bytes, bytes, bytes]:
    """Encrypt and sign padded bytes; return the next chain key, the ciphertext and the signature."""
    chain_key, iv, cipher_key = derive_message_key(chain_key)
    encryptor = Cipher(algorithms.AES256(cipher_key), modes.CBC(iv)).encryptor()
    ciphertext = encryptor.update(padded) + encryptor.finalize()
    return chain_key, ciphertext, sign(k, ciphertext)


def decrypt(chain_key: bytes, A: bytes, ciphertext: bytes, signature: bytes) -> tuple[bytes, bytes]:
    """Verify and decrypt; return the next chain key and the padded bytes."""
    verify(A, ciphertext, signature)
    chain_key, iv, cipher_key = derive_message_key(chain_key)
    decryptor = Cipher(algorithms.AES256(cipher_key), modes.CBC(iv)).decryptor()
    return chain_key, decryptor.update(ciphertext) + decryptor.finalize()


def expand(prk: bytes, info: bytes, blocks: int) -> bytes:
    """Expand as HKDF does, so many blocks."""
    output = block = b""
    for number in range(1, blocks + 1):
        block = hmac.digest(prk, block + info + bytes([number]), "sha256")
        output += block
    return output


def step_root_key(secret: bytes, root_key: bytes) -> bytes:
    """Step a root key: three HMACs of HKDF."""
    return expand(hmac.digest(root_key, secret, "sha256"), b"WhisperRatchet", 2)


def derive_pairwise_keys(chain_key: bytes) -> tuple[bytes, bytes, bytes, bytes]:
    """Derive the next chain key, and cipher key, MAC key and IV: two HMACs of the chain, four of HKDF."""
    seed = hmac.digest(chain_key, b"\x01", "sha256")
    keys = expand(hmac.digest(ZERO_SALT, seed, "sha256"), b"WhisperMessageKeys", 3)
    return hmac.digest(chain_key, b"\x02", "sha256"), keys[:32], keys[32:64], keys[64:80]


def encrypt_pairwise(chain_key: bytes, padded: bytes) -> tuple[bytes, bytes, bytes]:
    """Encrypt padded bytes and authenticate them; return the next chain key, the ciphertext and the MAC."""
    chain_key, cipher_key, mac_key, iv = derive_pairwise_keys(chain_key)
    encryptor = Cipher(algorithms.AES256(cipher_key), modes.CBC(iv)).encryptor()
    ciphertext = encryptor.update(padded) + encryptor.finalize()
    return chain_key, ciphertext, hmac.digest(mac_key, ciphertext, "sha256")[:8]


def decrypt_pairwise(chain_key: bytes, ciphertext: bytes, mac: bytes) -> tuple[bytes, bytes]:
    """Verify and decrypt; return the next chain key and the padded bytes."""
    chain_key, cipher_key, mac_key, iv = derive_pairwise_keys(chain_key)
    assert hmac.compare_digest(hmac.digest(mac_key, ciphertext, "sha256")[:8], mac)
    decryptor = Cipher(algorithms.AES256(cipher_key), modes.CBC(iv)).decryptor()
    return chain_key, decryptor.update(ciphertext) + decryptor.finalize()


def seal_layer(u: bytes, plaintext: bytes) -> tuple[bytes, bytes]:
    """Seal to a public key; return the ephemeral public key, and IV and ciphertext."""
    private, iv = os.urandom(32), os.urandom(12)
    key = hmac.digest(b"LOKI", crypto_scalarmult(private, u), "sha256")
    return crypto_scalarmult_base(private), iv + AESGCM(key).encrypt(iv, plaintext, None)


def open_layer(private: bytes, u: bytes, ciphertext: bytes) -> bytes:
    """Open what is sealed to a private key, beside an ephemeral public key."""
    key = hmac.digest(b"LOKI", crypto_scalarmult(private, u), "sha256")
    return AESGCM(key).decrypt(ciphertext[:12], ciphertext[12:], None)


def build_search(h1: bytes, count: int) -> Callable[[], None]:
    """Build the loop that hashes `h1` behind so many nonces, and looks at nothing."""
    sha512 = hashlib.sha512

    def perform() -> None:
        for counter in range(count):
            sha512(counter.to_bytes(8, "big") + h1).digest()

    return perform
