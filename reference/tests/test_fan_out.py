"""A message to a group of any size is encrypted once and stored once, so one proof of work is done for it; everybody reads it."""

from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

import pytest
from cloister import client, group_sending, identity, sender_keys, session
from cloister.group_control import MAX_MEMBERS, MIN_MEMBERS
from cloister.group_sending import FanOut
from groups import NOW_MS, World
from hypothesis import given, settings
from hypothesis import strategies as st


@contextmanager
def count_encryptions() -> Iterator[dict[str, int]]:
    """Count encryptions in sender keys and in pairwise sessions."""
    counted: dict[str, int] = {}
    with (
        mock.patch.object(sender_keys, "encrypt", wraps=sender_keys.encrypt) as group,
        mock.patch.object(session, "encrypt", wraps=session.encrypt) as pairwise,
    ):
        yield counted
        counted.update(group=group.call_count, pairwise=pairwise.call_count)


def check_message(members: int, fan_out: FanOut, *, stores: int, encryptions: dict[str, int]) -> None:
    """Let one of a group of so many members say something; check what it does, and that all others read it."""
    world = World()
    names = [f"{number:03}" for number in range(members)]
    world.join(*names)
    group_id = world.create(names[0], names[1:])
    world.settle()
    with count_encryptions() as counted:
        world.change(names[1], group_id, group_sending.send_text, "hello", fan_out)
        assert len(world.clients[names[1]].outbox) == stores, "each store has its own proof of work (chapter 06)"
        world.settle()
    assert counted == encryptions
    assert [world.texts(name) for name in names if name != names[1]] == [[(names[1], "hello")]] * (members - 1)


@pytest.mark.parametrize("members", [3, 20])
def test_a_message_is_encrypted_once_and_stored_once(members: int) -> None:
    check_message(members, "server", stores=1, encryptions={"group": 1, "pairwise": 0})


@settings(max_examples=5)
@given(members=st.integers(4, 19))
def test_a_message_is_encrypted_once_and_stored_once_whatever_the_members(members: int) -> None:
    check_message(members, "server", stores=1, encryptions={"group": 1, "pairwise": 0})


@pytest.mark.parametrize("members", [3, 20])
def test_a_message_by_client_side_fan_out_is_encrypted_and_stored_for_each(members: int) -> None:
    others = members - 1
    check_message(members, "client", stores=others, encryptions={"group": 0, "pairwise": others})


@settings(max_examples=8)
@given(members=st.integers(MIN_MEMBERS, MAX_MEMBERS) | st.just(MAX_MEMBERS))
def test_who_has_created_a_group_of_any_size_encrypts_and_stores_once(members: int) -> None:
    world = World()
    world.join("alice")
    others = [identity.generate_key_pair(world.draw).public for _ in range(members - 1)]
    step = client.create_group(world.clients["alice"], others, "hike", None, world.draw, now_ms=NOW_MS)
    (group_id,) = step.client.groups
    with count_encryptions() as counted:
        said = client.change_group(
            step.client,
            group_id,
            lambda group: group_sending.send_text(group, "hello", "server", world.draw, now_ms=NOW_MS),
            world.draw,
            now_ms=NOW_MS,
        )
    assert counted == {"group": 1, "pairwise": 0}
    assert len(said.client.outbox) == len(step.client.outbox) + 1
