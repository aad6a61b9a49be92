"""What several tests of the reference use: the specification's folder, and an HKDF that is not the reference's."""

import hmac
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parents[2]

settings.register_profile("reference", deadline=None, derandomize=True, max_examples=100)
settings.load_profile("reference")

Hkdf = Callable[[bytes, bytes, bytes, int], bytes]


@pytest.fixture
def spec() -> Path:
    """The folder of the specification."""
    return ROOT / "spec"


@pytest.fixture
def vectors() -> Path:
    """The folder of the test vectors."""
    return ROOT / "vectors"


@pytest.fixture(scope="session")
def hkdf() -> Hkdf:
    """HKDF with SHA-256, written out from RFC 5869: input key material, salt, info, length."""

    def derive(ikm: bytes, salt: bytes, info: bytes, length: int) -> bytes:
        key = hmac.digest(salt, ikm, "sha256")
        output, block = b"", b""
        while len(output) < length:
            block = hmac.digest(key, block + info + bytes([len(output) // 32 + 1]), "sha256")
            output += block
        return output[:length]

    return derive
