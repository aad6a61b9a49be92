"""Chapter 05: texts and their padding."""

from cloister_conformance.hand_made import material
from cloister_conformance.vector_files.cases import Group

SIZES = (*range(4), 79, *range(156, 163), 255, *range(316, 322), *range(477, 481), 1000, 4096)


def pad(text: bytes, *, block: int = 160) -> bytes:
    """Pad a text: the mark, and zeros up to one byte below a multiple of the block."""
    marked = text + b"\x80"
    return marked + bytes(-(len(marked) + 1) % block)


def padded() -> Group:
    """Texts that are padded."""
    group = Group("Pad", "envelope.pad")
    for size in SIZES:
        text = material.derive_bytes("padded", size)
        expected = {"padded": pad(text).hex()}
        group.valid(f"{size} bytes", "PaddedSize", "EN-1", text=text, expected=expected)
    for name, text in (("a mark", b"\x80"), ("a mark and zeros", b"\x80\x00\x00"), ("zeros", bytes(40))):
        group.valid(f"a text of {name}", "PaddedSize", "EN-1", text=text, expected={"padded": pad(text).hex()})
    return group


def unpadded() -> Group:
    """Padded texts, good and bad."""
    group = Group("Unpad", "envelope.unpad")
    for size in SIZES:
        text = material.derive_bytes("padded", size)
        group.valid(f"{size} bytes", "PaddedSize", "EN-1", padded=pad(text), expected={"text": text.hex()})
    for name, text in (("a mark", b"\x80"), ("a mark and zeros", b"\x80\x00\x00"), ("zeros", bytes(40))):
        group.valid(f"a text of {name}", "PaddedSize", "EN-1", padded=pad(text), expected={"text": text.hex()})

    for name, data in (
        ("nothing", b""),
        ("zeros", bytes(159)),
        ("a text without mark or zeros", b"\x11" * 159),
        ("the mark 0x01", b"text\x01" + bytes(154)),
        ("the mark 0x81", b"text\x81" + bytes(154)),
        ("the mark 0xff", b"text\xff" + bytes(154)),
        ("one byte that is not zero behind the mark", b"text\x80" + bytes(153) + b"\x01"),
        ("a byte that is not zero in the middle of the zeros", b"text\x80" + bytes(70) + b"\x20" + bytes(83)),
        ("padding of PKCS #7", b"text" + bytes([155]) * 155),
    ):
        group.invalid(f"no mark: {name}", "InvalidMessage", "NoMark", "EN-2", padded=data)
    good = pad(b"text")
    for name, data in (
        ("the mark alone", b"\x80"),
        ("no zeros", b"text\x80"),
        ("a zero too few", good[:-1]),
        ("a zero too many", good + b"\0"),
        ("a block too many", good + bytes(160)),
        ("blocks of 16", pad(b"text", block=16)),
        ("blocks of 159", pad(b"text", block=159)),
        ("blocks of 256", pad(b"text", block=256)),
        ("a multiple of 160", b"text\x80" + bytes(155)),
        ("158 bytes of text in one block too many", pad(bytes([1]) * 158) + bytes(160)),
        ("159 bytes of text in one block", bytes([1]) * 159 + b"\x80"),
        ("a second mark that leaves a text of another size", b"text\x80" + bytes(154 + 160) + b"\x80"),
    ):
        group.invalid(f"size: {name}", "InvalidMessage", "PaddingSize", "EN-3", padded=data)
    return group
