"""Chapter 07: a client in a network, as its nodes see it, who say the truth, lie, or keep silent."""

from typing import Any

import pytest
from cloister.mailbox import MAX_DIFFICULTY

from cloister_conformance.clause import clause
from cloister_conformance.client_script import ClientUnderTest, Nodes
from cloister_conformance.hand_made.swarms import CLOCK_TOLERANCE_MS, find_recipient, write_data
from cloister_conformance.played_storage import NODES, SWARMS
from cloister_conformance.plugin import ClientActors
from cloister_conformance.script import Answer

SWARM, ELSEWHERE = map(list, SWARMS.values())
"""The nodes of the usual recipient's swarm, and those of the other."""
FIRST, *REST = SWARM
OTHER_RECIPIENT = find_recipient("other")
TWO = "', '"
"""Stands in a list of texts that has two of them at least."""
UP_TO_1000 = "^([0-9]{1,3}|1000)$"

REFUSES: dict[str, Any] = {"does": "answer", "status": 503}
NO_REPLIES: list[dict[str, Any]] = [
    REFUSES,
    {"does": "answer", "status": 202, "body": '{"difficulty": 1}'},
    {"does": "talk rubbish"},
    {"does": "seal with another key"},
    {"does": "keep silent"},
    {"does": "be missing"},
]
NO_PAGES = [*NO_REPLIES, {"does": "answer", "body": "rubbish"}, {"does": "answer", "body": '{"messages": [1]}'}]


def name_deed(how: object) -> str:
    """Name what nodes do in a test."""
    return "-".join(map(str, how.values())) if isinstance(how, dict) else str(how)


def begin(client_actors: ClientActors, members: list[str] | None = None) -> tuple[ClientUnderTest, Nodes]:
    """Begin with a client of the whole network, or of some of its nodes."""
    iut, nodes = client_actors()
    iut.open(nodes.network(members))
    return iut, nodes


def must_hold_once(letters: Answer, labels: list[str]) -> None:
    """Expect each of these messages among those that are passed on, and none twice."""
    letters.must_contain(letters=[write_data(label) for label in labels])
    letters.must_match(letters=r"^(?!.*'data': '([^']+)'.*'data': '\1')")


# Storing


@clause("SW-36")
def test_a_message_counts_as_sent_with_two_nodes(client_actors: ClientActors) -> None:
    iut, nodes = begin(client_actors)
    for _ in range(3):
        nodes.judge_sent(iut.store())
    nodes.observe().must_be(onions="", texts=3)


@clause("SW-36")
@pytest.mark.parametrize("how", NO_REPLIES, ids=name_deed)
def test_a_message_that_one_node_has_does_not_count_as_sent(client_actors: ClientActors, how: dict[str, Any]) -> None:
    iut, nodes = begin(client_actors)
    nodes.behave(REST, method="store", **how)
    iut.store().must_be_refused("NotSent")
    nodes.observe().must_be(onions="")


@clause("SW-36")
def test_one_node_counts_once_however_often_it_is_named(client_actors: ClientActors) -> None:
    """One node takes the message; the others name it, again and again."""
    iut, nodes = begin(client_actors)
    nodes.behave(REST, "name nodes", method="store", status=421, names=[FIRST] * 3)
    iut.store().must_be_refused("NotSent")


@clause("SW-36")
def test_acknowledgements_of_two_requests_do_not_add_up(client_actors: ClientActors) -> None:
    """One node takes the first request only; another wants more work, and takes the second."""
    one, other, third, *_ = SWARM
    iut, nodes = begin(client_actors, [one, other, third, *ELSEWHERE])
    nodes.behave([one, third], method="store", **REFUSES)
    nodes.behave([one], "answer", method="store", body='{"difficulty": 1}', times=1)
    nodes.behave([other], "answer", method="store", status=432, body='{"difficulty": 2}', times=1)
    iut.store().must_be_refused("NotSent")


@clause("SW-37")
@pytest.mark.parametrize(
    "names", [["liar", *SWARM], [f"{name}/liar" for name in ELSEWHERE]], ids=["another", "other-keys"]
)
@pytest.mark.parametrize("method", ["get_snodes_for_pubkey", "store", "retrieve"])
def test_nodes_and_keys_of_an_answer_are_not_believed(
    client_actors: ClientActors, method: str, names: list[str]
) -> None:
    iut, nodes = begin(client_actors)
    status = 200 if method == "get_snodes_for_pubkey" else 421
    nodes.behave(list(NODES), "name nodes", method=method, status=status, names=names, times=4)
    for _ in range(3):
        iut.store().must_be_answered()
        iut.retrieve().must_be_answered()
    observed = nodes.observe()
    observed.must_be(onions="")
    observed.must_exclude(connected=["liar"])


@clause("SW-37")
def test_nodes_that_only_the_others_know_are_not_taken(client_actors: ClientActors) -> None:
    one, other, third, *unknown = SWARM
    iut, nodes = begin(client_actors, [one, other, third, *ELSEWHERE])
    nodes.behave([one, other], "name nodes", method="store", status=421, names=unknown)
    iut.store().must_be_refused("NotSent")
    nodes.observe().must_be(onions="")


@clause("SW-36", "SW-37")
@pytest.mark.parametrize("naming", [SWARM[:1], SWARM[:2]], ids=["one", "two"])
def test_one_node_alone_sends_nobody_anywhere(client_actors: ClientActors, naming: list[str]) -> None:
    """Nodes of another swarm would take the message; one of the swarm names them, or two do."""
    iut, nodes = begin(client_actors)
    nodes.behave(SWARM, method="store", **REFUSES)
    nodes.behave(naming, "name nodes", method="store", status=421, names=ELSEWHERE)
    nodes.behave(ELSEWHERE, "answer", method="store", body='{"difficulty": 1}')
    stored = iut.store()
    if len(naming) == 1:
        stored.must_be_refused("NotSent")
    else:
        stored.must_be()


# Work


@clause("SW-38")
@pytest.mark.parametrize("difficulty", [60, MAX_DIFFICULTY])
def test_more_work_is_done_with_a_new_time(client_actors: ClientActors, difficulty: int) -> None:
    iut, nodes = begin(client_actors)
    nodes.behave(SWARM, "work", difficulty=difficulty)
    nodes.judge_sent(iut.store())
    nodes.observe().must_be(repeated_times=0)


@clause("SW-38")
@pytest.mark.parametrize("difficulty", [MAX_DIFFICULTY + 1, 10**6])
def test_no_work_is_done_for_more_than_the_greatest_difficulty(client_actors: ClientActors, difficulty: int) -> None:
    iut, nodes = begin(client_actors)
    nodes.behave(SWARM, "answer", method="store", status=432, body=f'{{"difficulty": {difficulty}}}')
    iut.store().must_be_refused("NotSent")
    nodes.observe().must_be(texts=1)


# Receiving


@clause("SW-39")
def test_each_node_is_asked_for_what_is_behind_its_own_last_hash(client_actors: ClientActors) -> None:
    iut, nodes = begin(client_actors)
    for recipient in (OTHER_RECIPIENT, find_recipient("usual")):
        for node in SWARM:
            nodes.hold([node], [f"{node} {number}" for number in range(12)], recipient=recipient)
    for _ in range(5):
        iut.retrieve().must_be()
        iut.retrieve(recipient=OTHER_RECIPIENT).must_be()
    nodes.observe().must_be(cursors="")


@clause("SW-39", "SW-40")
def test_a_restart_forgets_no_hash(client_actors: ClientActors) -> None:
    iut, nodes = begin(client_actors)
    nodes.hold(SWARM, ["1", "2"])
    must_hold_once(iut.retrieve(), ["1", "2"])
    iut.begin_again()
    for _ in range(3):
        iut.retrieve().must_be(letters=[])
    nodes.hold(SWARM, ["3"])
    must_hold_once(iut.retrieve(), ["3"])
    nodes.observe().must_be(cursors="")


@clause("SW-40")
@pytest.mark.parametrize("does", ["work", "repeat itself"])
def test_nothing_is_passed_on_twice(client_actors: ClientActors, does: str) -> None:
    iut, nodes = begin(client_actors)
    labels = [str(number) for number in range(10)]
    nodes.hold(SWARM[:2], labels)
    nodes.hold(SWARM[2:], labels[::-1])
    nodes.behave(SWARM, does, method="retrieve")
    must_hold_once(iut.retrieve(), labels)
    for _ in range(4):
        iut.retrieve().must_be(letters=[])


@clause("SW-40")
def test_each_recipient_is_passed_on_its_own_messages(client_actors: ClientActors) -> None:
    iut, nodes = begin(client_actors)
    for recipient in (OTHER_RECIPIENT, find_recipient("usual")):
        nodes.hold(SWARM, ["1"], recipient=recipient)
        must_hold_once(iut.retrieve(recipient=recipient), ["1"])


@clause("SW-41")
@pytest.mark.parametrize("how", NO_PAGES, ids=name_deed)
def test_what_two_nodes_give_is_united(client_actors: ClientActors, how: dict[str, Any]) -> None:
    """Two nodes answer, each with a message that the other lacks."""
    iut, nodes = begin(client_actors)
    one, other, *rest = SWARM
    nodes.hold([one], ["1", "both"])
    nodes.hold([other], ["both", "2"])
    nodes.behave(rest, method="retrieve", **how)
    must_hold_once(iut.retrieve(), ["1", "both", "2"])


@clause("SW-41")
def test_two_nodes_are_asked(client_actors: ClientActors) -> None:
    iut, nodes = begin(client_actors)
    for number in range(3):
        nodes.judge_sent(iut.store(write_data(str(number))))
        nodes.forget()
        iut.retrieve().must_match(letters=r"^\[\{[^{]*\]$")
        nodes.observe().must_match(readers=TWO)


@clause("SW-41")
def test_if_no_node_gives_a_page_that_is_said(client_actors: ClientActors) -> None:
    iut, nodes = begin(client_actors)
    nodes.behave(SWARM, method="retrieve", **REFUSES)
    iut.retrieve().must_be_refused("NoReply")


@clause("SW-40")
def test_the_same_data_come_once_under_whichever_hashes(client_actors: ClientActors) -> None:
    iut, nodes = begin(client_actors)
    for node in SWARM:
        nodes.hold([node], ["1", "1"], hashes=[f"{node} one", f"{node} other"])
    must_hold_once(iut.retrieve(), ["1"])
    for _ in range(3):
        iut.retrieve().must_be(letters=[])


@clause("SW-40")
def test_other_data_under_a_known_hash_are_passed_on(client_actors: ClientActors) -> None:
    """Whichever of the two nodes is asked first, one of them lies."""
    iut, nodes = begin(client_actors)
    one, other, *rest = SWARM
    nodes.behave(rest, method="retrieve", **REFUSES)
    nodes.hold([one], ["true"], hashes=["hash"])
    nodes.hold([other], ["false"], hashes=["hash"])
    must_hold_once(iut.retrieve(), ["true", "false"])


@clause("SW-43")
def test_what_has_expired_everywhere_is_not_passed_on(client_actors: ClientActors) -> None:
    iut, nodes = begin(client_actors)
    nodes.hold(SWARM, ["over"], life_ms=-CLOCK_TOLERANCE_MS)
    nodes.hold(SWARM, ["slow clock"], life_ms=60_000 - CLOCK_TOLERANCE_MS)
    letters = iut.retrieve()
    must_hold_once(letters, ["slow clock"])
    letters.must_exclude(letters=[write_data("over")])


@clause("SW-43")
def test_what_is_given_as_expired_is_passed_on_when_it_is_not(client_actors: ClientActors) -> None:
    """Whichever of the two nodes is asked first, one of them lies about the expiration."""
    iut, nodes = begin(client_actors)
    one, other, *rest = SWARM
    nodes.behave(rest, method="retrieve", **REFUSES)
    for liar, honest in ((one, other), (other, one)):
        nodes.hold([liar], [liar], life_ms=-CLOCK_TOLERANCE_MS)
        nodes.hold([honest], [liar])
    must_hold_once(iut.retrieve(), [one, other])


@clause("SW-44")
def test_pages_without_end_come_to_an_end(client_actors: ClientActors) -> None:
    iut, nodes = begin(client_actors)
    nodes.behave(REST, method="retrieve", **REFUSES)
    nodes.behave([FIRST], "never end", method="retrieve")
    iut.retrieve().must_be_answered()
    nodes.observe().must_match(pages=UP_TO_1000)
