"""Chapter 06: requests and nonces of every form."""

import base64
import hashlib

from cloister import wire

from cloister_conformance.hand_made import material
from cloister_conformance.hand_made.proof_of_work import RECIPIENT, mine, mine_bytes, request, stages, with_work
from cloister_conformance.vector_files.cases import Group, Json

STORAGE_SERVER = {"name": "Session storage server, unit_test/pow.cpp", "version": "50557608f37f"}


def deployed_requests() -> Group:
    """The request of the storage server's own test, which the limits of today refuse, and one that they do not."""
    group = Group("Check", "proof_of_work.check", source=STORAGE_SERVER)
    data = (
        "CAESvgMKA1BVVBIPL2FwaS92MS9tZXNzYWdlGqIDCGUSQjA1NDM2ODUyMDAwNTc4NmIyNDliY2Q0NjFkMjhmNzVlNTYwZWE3OTQwMTRl"
        "ZWIxN2ZjZjYwMDNmMzdkODc2NzgzNDgBKID00qagLULQAksmCNIm0urN9g/z2jBn0iLuaDPrrZnsLeRj9MD4eVDG0qTOD2Hg84LWswV3"
        "YAzb2Xku7LyTaitU3lhRAyDZRByjSZ2nWphSnzrkFaKhfKrHuzzDNDSGZsK9B1xM+lZJ/cR05Nn8fshfbW1CdINfNIiSK1qW2d/mfe3D"
        "I/CqShvA8D0r7LdbSq0tGH7JUIESu1OqJNePc46kLS0sMQ24YOitPtXSxUxbHrdBalydOqpYNGWGl4dtzOMr35Z0vCz/u25ROajbcj1D"
        "7hf40dyIv9RT/wwo52CiwtbrFdXc84K0yDKTnPu6QoTKoiVt+hftgKv0o/ruRN40fLSGl0KD+FqLf4Oqe5u1MaDDoUlLW1tdw6gsPSUx"
        "gQPWkJ6qda3t+IioolNQWidLcKg4WXvSwWRO6bDLNXfyDLd9UwcpHRus5UYnmc9BTjiXHQP8pWc4ciCMAQ=="
    )
    if (
        hashlib.sha256(data.encode("ascii")).hexdigest()
        != "c444b16c43267ffc02e8224daa5b048f78c2eb6e3555e35e608966849e4b97ac"
    ):
        raise AssertionError("the data of the storage server's test is another one")
    recipient = "054368520005786b249bcd461d28f75e560ea794014eeb17fcf6003f37d876783e"

    recent = request("1554859211000", "345000", recipient, data, difficulty=10)
    group.valid("a timestamp and ttl within the limits, made here", "Published", "PW-12", **with_work(recent))
    seconds = {**request("1554859211", "345000", recipient, data, difficulty=10)}
    group.invalid("the timestamp in seconds", "OutOfRange", "Published TextForm", "PW-2", **with_work(seconds))
    part = {**request("1554859211000", "345600", recipient, data, difficulty=10)}
    group.invalid("the ttl with 600 milliseconds", "OutOfRange", "Published TtlLimit", "PW-4", **with_work(part))
    trailing = {**with_work(recent), "nonce": "AAAAAAABBCF="}
    group.invalid(
        "its nonce with unused bits that are not zero", "InvalidEncoding", "Published NonceForm", "PW-8", **trailing
    )

    usual = (
        "1600000000000",
        "172800000",
        "053506f4a71324b7dd114eddbf4e311f39dde243e1f2cb97c40db1961f70ebaae8",
        "SGVsbG8=",
    )
    for difficulty, nonce, message_hash in (
        (
            1,
            "AAAAAAAAAJc=",
            (
                "005eb21bdf02ce925f9fdc102783d1145f999f6ec6dffff18c7419e03d685653"
                "139ad6b7a16f7af3960405300799e316ef8e253fbb634a8f89ac37aa9ec1a469"
            ),
        ),
        (
            10,
            "AAAAAAAAHyw=",
            (
                "0004b6490b00b3db0f7961a9bbdd58e0ba13bd6b3525ed5b1ca7e40e1cde66a5"
                "36a5ef7a2463c119a938582859cb26920ae9d1c215baa09386389d422100c711"
            ),
        ),
    ):
        inputs: Json = {**request(*usual, difficulty=difficulty), "nonce": nonce}
        if with_work(request(*usual, difficulty=difficulty))["nonce"] != nonce:
            raise AssertionError("the first nonce is another one")
        comment = f"difficulty {difficulty}, the first nonce from 0"
        expected: Json = {"message_hash": message_hash}
        group.valid(comment, "Published", "PW-12 PW-14", expected=expected, intermediates=stages(inputs), **inputs)
    return group


def requests() -> Group:
    """Requests that are accepted."""
    group = Group("Check", "proof_of_work.check")

    def good(comment: str, flag: str, clauses: str, inputs: Json, first: int = 0) -> None:
        complete = with_work(inputs, first=first)
        group.valid(comment, flag, clauses, intermediates=stages(complete), **complete)

    for index in range(40):
        timestamp = str(1_600_000_000_000 + material.derive_number(f"timestamp {index}", 10**11))
        ttl = str(1000 * (10 + material.derive_number(f"ttl {index}", 100_000)))
        recipient = material.derive_key_pair(f"recipient {index}").public.hex()
        data = wire.encode_base64(material.derive_bytes(f"data {index}", index * 7))
        inputs = request(timestamp, ttl, recipient, data, difficulty=1 + index % 3)
        good(f"request {index}", "Ordinary", "PW-1 PW-11 PW-12 PW-14", inputs)
    for ttl in ("10000", "11000", "99000", "100000", "999000", "86400000", "345600000", "1209599000", "1209600000"):
        good(f"ttl {ttl}", "TtlLimit", "PW-3 PW-12", request(ttl=ttl))
    for first in (2**8, 2**16, 2**31, 2**32, 2**53, 2**63, 2**64 - 10**6):
        good(f"a nonce from {first} on", "Ordinary", "PW-11 PW-12", request(), first)
    for index in range(3):
        recipient = "05" + material.derive_bytes(f"no curve key {index}").hex()
        good(f"a recipient of the right form {index}", "RecipientForm", "PW-5", request(recipient=recipient))
    good("a recipient of low order, whose form is right", "RecipientForm", "PW-5", request(recipient="05" + "00" * 32))
    good("no data", "DataLimit", "PW-7", request(data=""))
    good("102400 characters of data", "DataLimit", "PW-6", request(data="A" * 102_400))
    return group


def refuse(group: Group, comment: str, error: str, inputs: Json, *, flag: str, clause: str) -> None:
    """Add a request that is refused by the check, with work, or by the solver, without."""
    if group.method == "proof_of_work.solve":
        group.invalid(comment, error, flag, f"{clause} PW-16", **inputs)
    else:
        group.invalid(comment, error, flag, clause, **with_work(inputs, ttl_ms=60_000))


def numbers(method: str) -> Group:
    """Timestamps and times to live that are refused."""
    group = Group("Numbers", method)
    forms = (
        "01600000000000",
        "+1600000000000",
        " 1600000000000",
        "1600000000000 ",
        "1600000000000\n",
        "1600000000000.0",
        "1.6e12",
        "",
        "0x174876e800",
    )
    for text in forms:
        refuse(group, f"timestamp {text!r}", "InvalidEncoding", request(text), flag="TextForm", clause="PW-2")
    for text in ("0", "1600000000", "999999999999", "10000000000000", "1600000000000000"):
        refuse(group, f"timestamp {text}", "OutOfRange", request(text), flag="TextForm", clause="PW-2")
    for text in (
        "0172800000",
        "172800000 ",
        " 172800000",
        "+172800000",
        "-10000",
        "-172800000",
        "172800000.0",
        "1728e5",
        "abcvs",
        "",
        "0x2710",
        "60000\n",
    ):
        refuse(group, f"ttl {text!r}", "InvalidEncoding", request(ttl=text), flag="TextForm", clause="PW-3")
    for text in (
        "0",
        "1000",
        "9000",
        "1209601000",
        "1210000000",
        "2147483000",
        "2147484000",
        "3456010000",
        "4294967000",
        "4294977000",
        "18446744073709551000",
    ):
        refuse(group, f"ttl {text}", "OutOfRange", request(ttl=text), flag="TtlLimit", clause="PW-3")
    for text in ("10001", "10010", "10100", "10500", "10999", "60001", "172800001", "345600500", "1209599999"):
        refuse(group, f"ttl {text}", "OutOfRange", request(ttl=text), flag="TtlLimit", clause="PW-4")
    return group


def recipients(method: str) -> Group:
    """Recipients that are refused."""
    group = Group("Recipient", method)
    good = RECIPIENT
    for name, text in (
        ("empty", ""),
        ("only the type byte", "05"),
        ("without the type byte", good[2:]),
        ("64 digits", good[:64]),
        ("65 digits", good[:65]),
        ("67 digits", good + "0"),
        ("68 digits", good + "00"),
        ("132 digits", good * 2),
        ("upper case", good.upper()),
        ("one letter in upper case", good[:-8] + "A" + good[-7:]),
        ("0x before", "0x" + good),
        ("0x in place of the type byte", "0x" + good[2:]),
        ("a line feed after", good + "\n"),
        ("a line feed in place of the last digit", good[:-1] + "\n"),
        ("a blank in place of the last digit", good[:-1] + " "),
        ("a letter g", good[:-1] + "g"),
        ("full-width digits at the end", good[:-2] + "\uff10\uff10"),
        ("prefix 00", "00" + good[2:]),
        ("prefix 04", "04" + good[2:]),
        ("prefix 15", "15" + good[2:]),
        ("prefix 50", "50" + good[2:]),
        ("in base64", wire.encode_base64(bytes.fromhex(good))),
    ):
        refuse(group, name, "InvalidEncoding", request(recipient=text), flag="RecipientForm", clause="PW-5")
    return group


def data_texts(method: str) -> Group:
    """Data that is refused."""
    group = Group("Data", method)
    for text in (
        "aGVsbG8",
        "aGVsbG8==",
        "aGVsbG9=",
        "aGVsbG8=\n",
        " aGVsbG8=",
        "aGVs\nbG8=",
        "_-8=",
        "a",
        "====",
        "aGVsbG8%3D",
        "hello group",
    ):
        refuse(group, f"data {text!r}", "InvalidEncoding", request(data=text), flag="TextForm", clause="PW-7")
    if method == "proof_of_work.check":
        refuse(
            group, "102404 characters of data", "TooLarge", request(data="A" * 102_404), flag="DataLimit", clause="PW-6"
        )
    return group


def nonces() -> Group:
    """Nonces of another form; their bytes would suffice."""
    group = Group("Nonce", "proof_of_work.check")
    enough = mine()

    def bad(comment: str, nonce: str) -> None:
        group.invalid(comment, "InvalidEncoding", "NonceForm", "PW-8", **request(), nonce=nonce)

    for size in (2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 15, 16, 17, 24, 32, 64, 65):
        bad(f"{size} bytes", wire.encode_base64(mine_bytes(size)))
    bad("empty", "")
    bad("without padding", enough.rstrip("="))
    bad("with more padding", enough + "=")
    bad("a line feed after", enough + "\n")
    bad("a blank before", " " + enough)
    bad("a blank within", enough[:4] + " " + enough[4:])
    for step in (1, 2, 3):
        letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        last = letters[letters.index(enough[10]) + step]
        bad(f"unused bits that are {step} instead of 0", enough[:10] + last + "=")
    safe = mine(first=0xFBEFBEFFFFFF0000)
    bad("URL-safe alphabet", safe.replace("+", "-").replace("/", "_"))
    bad("in hex", base64.b64decode(enough).hex())
    bad("in decimal", str(int.from_bytes(base64.b64decode(enough), "big")))
    return group


def refused_difficulty(method: str) -> Group:
    """A difficulty that has no target."""
    group = Group("Difficulty", method)
    if method == "proof_of_work.check":
        group.invalid("difficulty 0", "OutOfRange", "Difficulty", "PW-10", **request(difficulty=0), nonce=mine())
    else:
        group.invalid("difficulty 0", "OutOfRange", "Difficulty", "PW-10 PW-16", **request(difficulty=0))
    return group
