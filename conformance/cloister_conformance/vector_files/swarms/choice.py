"""Chapter 07: spaces, and the swarm that is nearest."""

from collections.abc import Sequence

from cloister_conformance.hand_made import material
from cloister_conformance.hand_made.swarms import (
    FOREIGN,
    LEFT,
    NO_SWARM,
    PUBLISHED_CHOICES,
    PUBLISHED_IDS,
    PUBLISHED_SPACES,
    READINGS,
    RECIPIENT,
    RIGHT,
    RING,
    choose_2020,
    choose_2022,
    derive_key,
    derive_space,
    describe_address,
    describe_network,
    describe_node,
)
from cloister_conformance.vector_files.cases import Group

STORAGE_SERVER = {"name": "Session storage server, unit_test/swarm.cpp", "version": "c3b96a2"}


def split_words(recipient: str) -> dict[str, bytes]:
    """Split a recipient into its words."""
    key = bytes.fromhex(recipient)[1:]
    return {f"word_{index}": key[8 * index : 8 * index + 8] for index in range(4)}


def deployed_spaces() -> Group:
    """Spaces that the storage server's own test states."""
    group = Group("Space", "swarm.space", source=STORAGE_SERVER)
    for recipient, space in PUBLISHED_SPACES:
        expected, words = {"space": space}, split_words(recipient)
        group.valid(recipient, "Published", "SW-1", expected=expected, intermediates=words, recipient=recipient)
    return group


def spaces() -> Group:
    """Spaces of other recipients."""
    group = Group("Space", "swarm.space")
    for index in range(20):
        recipient = material.derive_key_pair(f"space {index}").public.hex()
        expected = {"space": str(derive_space(recipient))}
        words = split_words(recipient)
        group.valid(
            f"recipient {index}", "Ordinary", "SW-1", expected=expected, intermediates=words, recipient=recipient
        )
    for word in range(4):
        recipient = "05" + "0" * 16 * word + "0123456789abcdef" + "0" * 16 * (3 - word)
        expected = {"space": str(0x0123456789ABCDEF)}
        group.valid(f"word {word} alone", "Words", "SW-1", expected=expected, recipient=recipient)
    return group


def choose(group: Group, comment: str, flag: str, clauses: str, ids: Sequence[int], space: int) -> None:
    """Add a choice in which the readings agree."""
    chosen = choose_2022(ids, space)
    if choose_2020(ids, space) != chosen:
        raise AssertionError(f"{comment}: the readings differ")
    texts = [str(swarm_id) for swarm_id in ids]
    group.valid(comment, flag, clauses, expected={"id": str(chosen)}, ids=texts, space=str(space))


def deployed_choices() -> Group:
    """Choices that the storage server's own test states."""
    group = Group("Choice", "swarm.choose", source=STORAGE_SERVER)
    for space, chosen in PUBLISHED_CHOICES:
        ids = [str(swarm_id) for swarm_id in PUBLISHED_IDS]
        group.valid(f"space {space:#x}", "Published", "SW-2", expected={"id": str(chosen)}, ids=ids, space=str(space))
    choose(group, "swarm 0, the space before the last", "Published", "SW-2", (0, *PUBLISHED_IDS), RING - 2)
    return group


def choices() -> Group:
    """Choices in which the readings agree."""
    group = Group("Choice", "swarm.choose")
    for index in range(24):
        count = 1 + index % 8
        ids = [material.derive_number(f"swarm {index} {number}", NO_SWARM) for number in range(count)]
        space = material.derive_number(f"space {index}", RING)
        choose(group, f"{count} swarms, choice {index}", "Ordinary", "SW-2", ids, space)
    for low, high in (
        (0, 2),
        (100, 200),
        (LEFT, RIGHT),
        (2**53, 2**53 + 4),
        (2**63 - 1, 2**63 + 1),
        (RING - 4, RING - 2),
    ):
        for step in (-1, 0, 1):
            comment = f"{low} and {high}, the middle {step:+}"
            choose(group, comment, "Tie", "SW-2", (low, high), (low + high) // 2 + step)
        comment = f"{high} before {low}, the middle"
        choose(group, comment, "Tie", "SW-2", (high, low), (low + high) // 2)
    for swarm_id in (0, 1, 2**63, RING - 2):
        for space in (0, 2**63 - 1, RING - 1):
            choose(group, f"only {swarm_id}, space {space}", "Single", "SW-2", (swarm_id,), space)
    for swarm_id in (0, 5, 2**32, 2**63, RING - 2):
        both = (swarm_id, (swarm_id + 2**61) % NO_SWARM)
        choose(group, f"the id {swarm_id} itself", "Exact", "SW-2", both, swarm_id)
    round_the_end: Sequence[tuple[Sequence[int], int]] = (
        ((1000, 2**62), RING - 10),
        ((1000, 2**62, 2**63), RING - 10),
        ((2**63, RING - 1000), 10),
        ((2**62, 2**63, RING - 1000), 10),
        ((2**63 - 1, 2**63), RING - 3),
        ((2**63 - 1, 2**63), 3),
        ((5, RING - 9), 0),
    )
    for several, space in round_the_end:
        comment = f"{' '.join(map(str, several))}, space {space}"
        choose(group, comment, "RoundTheEnd", "SW-2", several, space)
    return group


def reserved_ids() -> Group:
    """Choices among swarms of which one is none."""
    group = Group("ReservedId", "swarm.choose")
    for ids, space in (
        ((NO_SWARM, 100), NO_SWARM),
        ((2**63, NO_SWARM), RING - 2),
        ((200, NO_SWARM, 2**63), 0),
        ((NO_SWARM, RING - 2), NO_SWARM),
        ((NO_SWARM, 2**62), 2**61),
    ):
        choose(group, f"{' '.join(map(str, ids))}, space {space}", "ReservedId", "SW-3", ids, space)
    for name, texts in (("no swarm", []), ("only the reserved id", [str(NO_SWARM)])):
        for space in (0, 2**63, NO_SWARM):
            comment = f"{name}, space {space}"
            group.invalid(comment, "TooFewNodes", "ReservedId", "SW-3", ids=texts, space=str(space))
    return group


def readings() -> Group:
    """Choices in which the readings differ: around the middle of the way round the end, and for the last space."""
    group = Group("Reading", "swarm.choose")
    for ids in (PUBLISHED_IDS, (0, *PUBLISHED_IDS), (LEFT, RIGHT), (5, RING - 9), (1, RING - 2)):
        middle = (max(ids) + (min(ids) - max(ids)) % RING // 2) % RING
        for space in sorted({*((middle + step) % RING for step in range(-3, 4)), RING - 1}):
            results = {name: {"id": str(chosen(ids, space))} for name, chosen in READINGS.items()}
            if results["2020"] == results["2022"]:
                continue
            texts = [str(swarm_id) for swarm_id in ids]
            comment = f"{' '.join(texts)}, space {space}"
            group.valid_by_reading(comment, "Reading", "SW-2", results, ids=texts, space=str(space))
    return group


def nodes() -> Group:
    """The nodes of a swarm, as they are answered."""
    group = Group("Nodes", "swarm.find")
    for recipient, names in ((RECIPIENT, "abc"), (FOREIGN, "def")):
        snodes = [{**describe_node(name), "address": describe_address(derive_key(name))} for name in names]
        comment = f"the swarm of {', '.join(names)}"
        network = describe_network()
        group.valid(comment, "Ordinary", "SW-2 SW-4", expected={"snodes": snodes}, recipient=recipient, network=network)
    return group
