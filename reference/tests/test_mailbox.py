"""Chapter 07, fourth part: what only the code sees of a mailbox."""

from cloister import mailbox
from cloister.mailbox import Letter, Mailbox

NOW_MS = 1_600_000_000_000
KEPT_MS = 1_209_600_000 + 2 * 900_000


def letter(name: str, *, expiration_ms: int = NOW_MS + 60_000, data: str = "") -> Letter:
    return Letter(hash=name, expiration_ms=expiration_ms, data=data or name)


def test_letters_are_passed_on_as_they_were_given() -> None:
    first, second = letter("1", data="same"), letter("2", data="same")
    box, fresh = mailbox.take_letters(Mailbox(), "a", [first, second], now_ms=NOW_MS)
    assert fresh == [first]
    assert fresh[0] is first
    assert mailbox.take_letters(box, "b", [second], now_ms=NOW_MS)[1] == []


def test_who_lies_about_a_message_hides_it_from_nobody() -> None:
    honest = letter("1")
    for lie in (letter("1", data="other"), letter("1", expiration_ms=0), letter("1", expiration_ms=-(2**60))):
        box, _ = mailbox.take_letters(Mailbox(), "liar", [lie], now_ms=NOW_MS)
        box, fresh = mailbox.take_letters(box, "a", [honest], now_ms=NOW_MS)
        assert fresh == [honest]
        assert mailbox.take_letters(box, "liar", [lie, honest], now_ms=NOW_MS)[1] == []


def test_a_short_expiration_lets_nothing_be_forgotten() -> None:
    first, again = letter("1", expiration_ms=NOW_MS + 1), letter("2", expiration_ms=NOW_MS + KEPT_MS, data="1")
    box, _ = mailbox.take_letters(Mailbox(), "a", [first], now_ms=NOW_MS)
    box = mailbox.forget_expired(box, now_ms=NOW_MS + KEPT_MS - 1)
    assert mailbox.take_letters(box, "b", [again], now_ms=NOW_MS + KEPT_MS - 1)[1] == []
    box = mailbox.forget_expired(box, now_ms=NOW_MS + KEPT_MS)
    assert mailbox.take_letters(box, "b", [again], now_ms=NOW_MS + KEPT_MS)[1] == [again]


def test_a_mailbox_is_a_value() -> None:
    before = Mailbox()
    after, _ = mailbox.take_letters(before, "a", [letter("1"), letter("2")], now_ms=NOW_MS)
    assert before == Mailbox()
    assert after.cursors == {"a": "2"}
    assert set(after.seen) == {mailbox.compute_digest("1"), mailbox.compute_digest("2")}
    emptied = mailbox.forget_expired(after, now_ms=NOW_MS + KEPT_MS)
    assert (dict(emptied.seen), emptied.cursors) == ({}, after.cursors)


def test_what_is_remembered_is_bounded_by_what_can_be_stored() -> None:
    box = Mailbox()
    for number in range(100):
        page = [letter(str(number), expiration_ms=2**60)]
        box, _ = mailbox.take_letters(box, "a", page, now_ms=NOW_MS + 1000 * number)
    end_ms = NOW_MS + KEPT_MS
    assert len(mailbox.forget_expired(box, now_ms=end_ms - 1).seen) == 100
    assert len(mailbox.forget_expired(box, now_ms=end_ms + 49_000).seen) == 50
    assert len(mailbox.forget_expired(box, now_ms=end_ms + 99_000).seen) == 0
