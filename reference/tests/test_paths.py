"""Chapter 08, paths: draws from given random numbers, and states that a client does not come to by itself."""

from collections import Counter
from itertools import count

import pytest
from cloister import errors, paths, wire
from cloister.paths import Path, Paths

NETWORK = tuple(f"{number:02x}" * 32 for number in range(20))
ONE, OTHER = Path(nodes=NETWORK[:3]), Path(nodes=NETWORK[3:6])
STATE = Paths(paths=(ONE, OTHER))


def give_numbers(*numbers: int) -> wire.Random:
    """A source of randomness that gives out these numbers of 4 bytes."""
    source = iter(numbers)
    return lambda size: next(source).to_bytes(size, "big")


def count_up() -> wire.Random:
    """A source of randomness that counts."""
    source = count()
    return lambda size: next(source).to_bytes(size, "big")


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 20])
def test_each_candidate_is_drawn_for_as_many_numbers(size: int) -> None:
    random = count_up()
    drawn = Counter(paths.draw(NETWORK[:size], random) for _ in range(60 * size))
    assert drawn == dict.fromkeys(NETWORK[:size], 60)


def test_numbers_that_would_favour_the_first_candidates_are_drawn_anew() -> None:
    bound = 2**32 - 2**32 % 7
    assert bound < 2**32
    assert paths.draw(NETWORK[:7], give_numbers(bound - 1)) == NETWORK[6]
    assert paths.draw(NETWORK[:7], give_numbers(bound, 2**32 - 1, 3)) == NETWORK[3]


def test_without_a_fitting_path_there_is_none() -> None:
    alone = Paths(paths=(ONE,))
    with pytest.raises(errors.TooFewNodes):
        paths.choose_path(alone, ONE.nodes[1], count_up())
    with pytest.raises(errors.TooFewNodes):
        paths.choose_path(Paths(), "open.example.org", count_up())
    assert paths.choose_path(alone, "open.example.org", count_up()) == ONE


def note(state: Paths, path: Path, answer: str = "", network: tuple[str, ...] = NETWORK) -> Paths:
    return paths.note_failure(state, path, network, count_up(), destination="open.example.org", answer=answer)


def test_what_is_said_of_a_path_that_is_gone_changes_nothing() -> None:
    gone = Path(nodes=(ONE.nodes[0], *NETWORK[7:9]))
    assert note(STATE, gone) == STATE
    assert note(STATE, gone, paths.NOT_FOUND + NETWORK[7]) == STATE
    assert paths.note_reply(STATE, gone) == STATE


def test_a_path_whose_failures_are_out_of_date_is_found_by_its_nodes() -> None:
    once = note(STATE, ONE)
    assert once.paths == (Path(nodes=ONE.nodes, failures=1), OTHER)
    assert note(once, ONE).paths == (OTHER,)


def test_a_late_reply_takes_no_replacement_away() -> None:
    """A node that was replaced may stand there again, so the path has the nodes that it had when the request was sent."""
    again = Path(nodes=ONE.nodes, failures=1, replacements=2)
    noted = paths.note_reply(Paths(paths=(again, OTHER)), ONE)
    assert noted.paths == (Path(nodes=ONE.nodes, replacements=2), OTHER)


def test_the_last_replacement_needs_no_free_node() -> None:
    state = Paths(paths=(Path(nodes=ONE.nodes, replacements=paths.PATH_REPLACEMENTS - 1), OTHER))
    for _ in range(paths.NODE_FAILURES):
        state = note(state, ONE, paths.NOT_FOUND + ONE.nodes[2], NETWORK[:6])
    assert state.paths == (OTHER,)
    assert state.failures == {ONE.nodes[0]: 2, ONE.nodes[1]: 1, ONE.nodes[2]: 3}


def test_without_a_free_node_the_path_ends() -> None:
    state = STATE
    for _ in range(paths.NODE_FAILURES):
        state = note(state, ONE, paths.NOT_FOUND + ONE.nodes[1], NETWORK[:6])
    assert state.paths == (OTHER,)
    rebuilt = paths.build_paths(state, NETWORK[:6], count_up())
    assert rebuilt.paths[0] == OTHER
    assert set(rebuilt.paths[1].nodes) == set(ONE.nodes)


def test_a_change_of_the_network_forgets_failures() -> None:
    state = Paths(paths=(ONE, OTHER), failures={NETWORK[7]: paths.NODE_FAILURES, ONE.nodes[1]: 1})
    assert paths.change_network(state, NETWORK, count_up()) == STATE


def test_guards_of_an_earlier_run_are_not_kept_beside_paths_that_stand() -> None:
    built = paths.build_paths(STATE, NETWORK, count_up(), guards=NETWORK[10:12])
    assert built == STATE
    built = paths.build_paths(Paths(paths=(ONE,)), NETWORK, count_up(), guards=(ONE.nodes[1], *NETWORK[10:12]))
    assert built.paths[0] == ONE
    assert built.paths[1].nodes[0] == NETWORK[10]
