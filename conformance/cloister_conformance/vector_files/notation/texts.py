"""Chapter 01: hex, decimal numbers and base64."""

from collections.abc import Iterator

from cloister import wire

from cloister_conformance.hand_made import material
from cloister_conformance.hand_made.proof_of_work import DATA, RECIPIENT, TIMESTAMP, TTL, mine
from cloister_conformance.vector_files.cases import Group, Json


def hex_texts() -> Group:
    """Account ids whose hex is canonical or not."""
    group = Group("HexText", "identity.decode_account_id")
    for index in range(16):
        public = material.derive_key_pair(f"hex {index}").public
        group.valid(
            f"canonical, account {index}", "Canonical", "NE-1", expected={"public_key": public.hex()}, text=public.hex()
        )

    def bad(comment: str, text: str) -> None:
        group.invalid(comment, "InvalidEncoding", "HexNotCanonical", "NE-1", text=text)

    good = material.derive_key_pair("hex 0").public.hex()
    bad("all letters in upper case", good.upper())
    for index, digit in enumerate(good):
        if digit.isalpha():
            bad(f"upper case at character {index}", good[:index] + digit.upper() + good[index + 1 :])
    for index in (0, 2, 33, 64, 65):
        for name, character in NO_HEX_DIGITS.items():
            bad(f"{name} at character {index}", good[:index] + character + good[index + 1 :])
    bad("an odd number of digits: one is missing", good[:-1])
    bad("an odd number of digits: one more", good + "0")
    bad("blank at the front in place of the last digit", " " + good[:-1])
    bad("0x at the front in place of the last two digits", "0x" + good[:-2])
    bad("colons between bytes", ":".join(good[index : index + 2] for index in range(0, 44, 2)) + "0")
    return group


NO_HEX_DIGITS = {
    "letter g": "g",
    "letter O": "O",
    "blank": " ",
    "line feed": "\n",
    "NUL": "\0",
    "minus": "-",
    "underscore": "_",
    "full-width zero": "\uff10",
    "Arabic-Indic zero": "\u0660",
    "mathematical zero": "\U0001d7ce",
    "Cyrillic a": "\u0430",
}


def other_spellings(text: str) -> Iterator[tuple[str, str]]:
    """Spell a decimal number in forms that are not canonical; lenient readers take them for the same number."""
    yield "leading zero", "0" + text
    yield "three leading zeros", "000" + text
    yield "plus sign", "+" + text
    yield "minus sign", "-" + text
    yield "blank before", " " + text
    yield "blank after", text + " "
    yield "tab before", "\t" + text
    yield "line feed after", text + "\n"
    yield "carriage return and line feed after", text + "\r\n"
    yield "NUL after", text + "\0"
    yield "no-break space after", text + "\u00a0"
    yield "letter after", text + "a"
    yield "fraction of zero", text + ".0"
    yield "decimal point", text + "."
    yield "exponent", text + "e0"
    yield "underscores", text[:-3] + "_" + text[-3:]
    yield "commas", text[:-3] + "," + text[-3:]
    yield "apostrophes", text[:-3] + "'" + text[-3:]
    yield "blank within", text[:-3] + " " + text[-3:]
    yield "quotation marks", f'"{text}"'
    yield "suffix n", text + "n"
    yield "suffix L", text + "L"
    yield "hexadecimal", hex(int(text))
    yield "octal", oct(int(text))
    yield "binary", bin(int(text))
    for name, zero in (
        ("full-width", 0xFF10),
        ("Arabic-Indic", 0x0660),
        ("Devanagari", 0x0966),
        ("mathematical", 0x1D7CE),
    ):
        yield f"{name} digits", "".join(chr(zero + int(digit)) for digit in text)
        yield f"{name} last digit", text[:-1] + chr(zero + int(text[-1]))
    yield "superscript last digit", text[:-1] + "\u00b2"


def check_inputs(**texts: str) -> Json:
    """Complete a request whose work is made for its texts."""
    request: Json = {"timestamp": TIMESTAMP, "ttl": TTL, "recipient": RECIPIENT, "data": DATA, **texts}
    return {**request, "difficulty": 1, "nonce": mine(**request, ttl_ms=int(TTL))}


def timestamps() -> Group:
    """Timestamps in canonical form and not, and at their limits."""
    group = Group("Timestamp", "proof_of_work.check")
    for text in (TIMESTAMP, "1554859211000", "1999999999999", "2000000000000"):
        group.valid(f"canonical, {text}", "Canonical", "NE-2", **check_inputs(timestamp=text))
    for text in ("1000000000000", "1000000000001", "9999999999998", "9999999999999"):
        group.valid(f"at the limit, {text}", "TimeLimit", "NE-18", **check_inputs(timestamp=text))

    for comment, text in other_spellings(TIMESTAMP):
        group.invalid(comment, "InvalidEncoding", "DecimalNotCanonical", "NE-2", **check_inputs(timestamp=text))
    group.invalid("empty", "InvalidEncoding", "DecimalNotCanonical", "NE-2", **check_inputs(timestamp=""))
    group.invalid("a word", "InvalidEncoding", "DecimalNotCanonical", "NE-2", **check_inputs(timestamp="now"))

    seconds = ("0", "1", "1600000000", "999999999998", "999999999999", "160000000000")
    beyond = ("10000000000000", "10000000000001", "16000000000000", "1600000000000000", "18446744073709551615")
    for text in (*seconds, *beyond):
        group.invalid(f"beyond the limits, {text}", "OutOfRange", "TimeLimit", "NE-18", **check_inputs(timestamp=text))
    return group


def ttls() -> Group:
    """Times to live in canonical form and not."""
    group = Group("Decimal", "proof_of_work.check")
    for text in ("10000", "60000", "100000", "1209600000"):
        inputs: Json = {**check_inputs(), "ttl": text, "nonce": mine(ttl=text)}
        group.valid(f"canonical, {text}", "Canonical", "NE-2", **inputs)
    for comment, text in other_spellings(TTL):
        group.invalid(comment, "InvalidEncoding", "DecimalNotCanonical", "NE-2", **check_inputs(ttl=text))
    group.invalid("empty", "InvalidEncoding", "DecimalNotCanonical", "NE-2", **check_inputs(ttl=""))
    group.invalid("a word", "InvalidEncoding", "DecimalNotCanonical", "NE-2", **check_inputs(ttl="abcvs"))
    return group


def base64_texts() -> Group:
    """Data whose base64 is canonical or not."""
    group = Group("Base64Text", "proof_of_work.check")
    for size in range(13):
        text = wire.encode_base64(material.derive_bytes("base64", size))
        group.valid(f"canonical, {size} bytes", "Canonical", "NE-3", **check_inputs(data=text))
    for name, value in (
        ("zeros", bytes(3)),
        ("every bit set", b"\xff" * 3),
        ("plus and slash", bytes.fromhex("fbffbf")),
    ):
        group.valid(f"canonical, {name}", "Canonical", "NE-3", **check_inputs(data=wire.encode_base64(value)))
    for comment, text in (*damaged_base64(), *base64_with_other_characters()):
        group.invalid(comment, "InvalidEncoding", "Base64NotCanonical", "NE-3", **check_inputs(data=text))
    return group


def damaged_base64() -> Iterator[tuple[str, str]]:
    """Texts of the right alphabet that no encoder writes."""
    for last in "hijklmnopqrstuv":
        yield f"unused bits that are not zero, one byte, Zg== as Z{last}==", f"Z{last}=="
    for last in "9+/":
        yield f"unused bits that are not zero, two bytes, Zm8= as Zm{last}=", f"Zm{last}="
    for text in ("aGVsbG8", "Zg=", "Zg", "Zm8"):
        yield f"missing padding, {text}", text
    too_long = ("aGVsbG8==", "aGVsbG8===", "Zm9v=", "Zm9v==", "Zm9v====", "Zg===")
    for text in (*too_long, "=", "==", "====", "A===", "Z", "Zm9vZ"):
        yield f"wrong padding or length, {text}", text
    for text in ("Zg==Zm9v", "Zm8=Zm9v", "Z=g=", "=Zm9", "Zm9v=AAA"):
        yield f"padding in the middle, {text}", text


def base64_with_other_characters() -> Iterator[tuple[str, str]]:
    """Texts with characters that are not of the alphabet."""
    for text in ("-_-_", "+_+_", "-/-/", "____", "Zm9-"):
        yield f"URL-safe alphabet, {text}", text
    for name, blank in (
        ("blank", " "),
        ("line feed", "\n"),
        ("CR LF", "\r\n"),
        ("tab", "\t"),
        ("NUL", "\0"),
        ("BOM", "\ufeff"),
    ):
        yield f"{name} before", f"{blank}Zm9v"
        yield f"{name} within", f"Zm9v{blank}Zm9v"
        yield f"{name} after", f"Zm9v{blank}"
    for character in "!*.,:~%&\u00e9\uff21":
        yield f"character U+{ord(character):04X} of no alphabet", f"Zm9v{character}m9v"
    yield "percent-encoded padding", "Zg%3D%3D"
