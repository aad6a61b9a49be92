"""The rules for paths find what is wrong with them, and fair draws are not taken for unfair ones."""

import random

import pytest
from cloister_conformance.path_rules import (
    NEW,
    are_fair,
    divergence,
    find_false_choice,
    find_fault,
    find_unfair_indices,
    find_unfair_paths,
)

NETWORK = [f"node {number}" for number in range(12)]
PATHS = [NETWORK[:3], NETWORK[3:6]]


def test_good_paths_have_no_fault() -> None:
    assert find_fault(PATHS, NETWORK, NETWORK[6:], PATHS[::-1]) == ""
    assert find_fault(PATHS, NETWORK, stay=[[NETWORK[3], NEW, NETWORK[5]]]) == ""


@pytest.mark.parametrize(
    ("paths", "fault"),
    [
        (PATHS[:1], "there are 1 paths"),
        ([*PATHS, NETWORK[6:9]], "there are 3 paths"),
        ([PATHS[0], PATHS[1][:2]], "a path has not 3 nodes"),
        ([PATHS[0], [*PATHS[1], NETWORK[7]]], "a path has not 3 nodes"),
        ([PATHS[0], [NETWORK[3], NETWORK[3], NETWORK[5]]], "a node stands there twice"),
        ([PATHS[0], [*PATHS[1][:2], NETWORK[0]]], "a node stands there twice"),
        ([PATHS[0], [*PATHS[1][:2], "another"]], "not in the network"),
        ([PATHS[0], [*PATHS[1][:2], NETWORK[11]]], "given up"),
        ([PATHS[0], NETWORK[6:9]], "not kept"),
        ([PATHS[0], [NETWORK[4], NETWORK[3], NETWORK[5]]], "not kept"),
    ],
)
def test_a_fault_is_found(paths: list[list[str]], fault: str) -> None:
    assert fault in find_fault(paths, NETWORK, NETWORK[11:], PATHS)


def test_a_false_choice_is_found() -> None:
    assert find_false_choice(PATHS[0], PATHS, NETWORK[3]) == ""
    assert "none of the paths" in find_false_choice(NETWORK[6:9], PATHS, "")
    for node in PATHS[0]:
        assert "destination" in find_false_choice(PATHS[0], PATHS, node)


def draw_paths(source: random.Random, weights: list[int]) -> list[list[str]]:
    """Draw two paths, nodes of a greater weight more often."""
    nodes: list[str] = []
    while len(nodes) < 6:
        nodes += [node for node in source.choices(NETWORK, weights) if node not in nodes]
    return [nodes[:3], nodes[3:]]


@pytest.mark.parametrize("seed", range(5))
def test_fair_draws_are_fair(seed: int) -> None:
    source = random.Random(seed)
    drawn = [draw_paths(source, [1] * 12) for _ in range(500)]
    assert find_unfair_paths(drawn, NETWORK) == ""
    assert find_unfair_indices([source.randrange(2) for _ in range(250)], 2) == ""


@pytest.mark.parametrize("weights", [[3] + [1] * 11, [1] * 11 + [0], [2] * 6 + [1] * 6])
def test_unfair_draws_are_found(weights: list[int]) -> None:
    source = random.Random(1)
    assert "not drawn fairly" in find_unfair_paths([draw_paths(source, weights) for _ in range(2000)], NETWORK)


def test_nodes_that_follow_each_other_are_found() -> None:
    source = random.Random(1)
    drawn = []
    for _ in range(500):
        start = source.randrange(12)
        ring = [NETWORK[(start + step) % 12] for step in range(6)]
        drawn.append([ring[:3], ring[3:]])
    assert "not drawn fairly together" in find_unfair_paths(drawn, NETWORK)


def test_unfair_indices_are_found() -> None:
    assert find_unfair_indices([0] * 250, 2)
    assert find_unfair_indices([0] * 200 + [1] * 50, 2)
    assert not find_unfair_indices([0] * 140 + [1] * 110, 2)


def test_the_bound_is_that_of_chernoff() -> None:
    assert divergence(0.25, 0.25) == 0
    assert divergence(1, 0.5) == pytest.approx(0.6931, abs=1e-4)
    assert divergence(0, 0.5) == divergence(1, 0.5)
    assert are_fair([29], 29, 0.5)  # 2^-29 is above half of 10^-9
    assert not are_fair([32], 32, 0.5)
