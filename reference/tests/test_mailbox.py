"""Chapter 07, fourth part: what only the code sees of a mailbox."""

from cloister import mailbox
from cloister.mailbox import Letter, Mailbox

NOW_MS = 1_600_000_000_000


def letter(name: str, *, expiration_ms: int = NOW_MS + 60_000, data: str = "") -> Letter:
    return Letter(hash=name, expiration_ms=expiration_ms, data=data)


def test_letters_are_passed_on_as_they_were_given() -> None:
    first, second = letter("1", data="one"), letter("1", data="another")
    box, fresh = mailbox.take_letters(Mailbox(), "a", [first, second], now_ms=NOW_MS)
    assert fresh == [first]
    assert fresh[0] is first
    assert mailbox.take_letters(box, "b", [second], now_ms=NOW_MS)[1] == []


def test_a_mailbox_is_a_value() -> None:
    before = Mailbox()
    after, _ = mailbox.take_letters(before, "a", [letter("1"), letter("2")], now_ms=NOW_MS)
    assert before == Mailbox()
    assert after.cursors == {"a": "2"}
    emptied = mailbox.forget_expired(after, now_ms=NOW_MS + 60_000 + 900_000)
    assert (list(after.seen), dict(emptied.seen), emptied.cursors) == (["1", "2"], {}, after.cursors)


def test_what_is_remembered_is_bounded_by_what_can_be_stored() -> None:
    box = Mailbox()
    for number in range(100):
        page = [letter(str(number), expiration_ms=2**60)]
        box, _ = mailbox.take_letters(box, "a", page, now_ms=NOW_MS + 1000 * number)
    end_ms = NOW_MS + 1_209_600_000 + 2 * 900_000
    assert len(mailbox.forget_expired(box, now_ms=end_ms - 1).seen) == 100
    assert len(mailbox.forget_expired(box, now_ms=end_ms + 49_000).seen) == 50
    assert len(mailbox.forget_expired(box, now_ms=end_ms + 99_000).seen) == 0
