"""Where `cloister room download` writes what strangers have named."""

from pathlib import Path

import pytest
from cloister.room_post import RoomFile
from cloister.signed_request import Refusal
from cloister_conformance import room_commands


def describe(name: str) -> RoomFile:
    return RoomFile(id=1, name=name, size=1, hash=bytes(32))


def test_a_file_goes_where_the_user_says_or_under_its_name_into_this_folder() -> None:
    assert room_commands.choose_path(describe("hat.png"), None) == Path("hat.png")
    assert room_commands.choose_path(describe("../.profile"), Path("got")) == Path("got")


@pytest.mark.parametrize("name", ["", "..", "../hat.png", "/etc/hat", "a\\b", "a\nb", "a\u202eb", ".profile", ".ssh"])
def test_a_name_that_a_stranger_chose_goes_nowhere_else(name: str) -> None:
    with pytest.raises((Refusal, room_commands.Unusable)):
        room_commands.choose_path(describe(name), None)
