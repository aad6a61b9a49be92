"""Hand-made frames are what they say: cloister reads the honest ones."""

from cloister import sender_keys
from cloister_conformance.frames import field, make_sender, varint

NOW = 1_600_000_000_000


def test_a_hand_made_distribution_and_message_are_read() -> None:
    sender = make_sender()
    record = sender_keys.process_distribution(sender_keys.Record(), sender.distribution(3), now_ms=NOW)
    record, plaintext = sender_keys.decrypt(record, sender.message(b"hello", 5), now_ms=NOW)
    assert plaintext == b"hello"
    _, plaintext = sender_keys.decrypt(record, sender.message(b"earlier", 4), now_ms=NOW)
    assert plaintext == b"earlier"


def test_fields_can_be_replaced() -> None:
    sender = make_sender(key_id=5)
    assert sender.distribution(other={1: field(1, 300)}) == sender.distribution().replace(
        b"\x08\x05", b"\x08\xac\x02", 1
    )
    assert sender.message(b"x", other={3: b""})[:-64] == b"\x33\x08\x05\x10\x00"


def test_senders_with_other_labels_have_other_keys() -> None:
    one, other = make_sender(label=1), make_sender(label=2)
    assert one.key_id == other.key_id
    assert one.chain_key != other.chain_key
    assert one.signing_key != other.signing_key


def test_varints_can_be_too_long() -> None:
    assert [varint(number) for number in (0, 127, 128, 300)] == [b"\x00", b"\x7f", b"\x80\x01", b"\xac\x02"]
    assert varint(5, 3) == b"\x85\x80\x00"
    assert len(varint(2**64 - 1)) == 10
