"""What the peer alone does for chapter 08: taking onions apart, and judging paths."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from cloister.errors import InvalidMessage
from cloister.onion import Peeled
from cloister.sealing import IV_BYTES, encrypt_layer
from cloister.wire import encode_base64

from cloister_conformance import path_rules
from cloister_conformance.hand_made import onion_requests as hand_made
from cloister_conformance.hand_made.material import derive_bytes
from cloister_conformance.path_rules import NEW
from cloister_conformance.protocol.messages import Hex, Message
from cloister_conformance.protocol.onion import Answer, Layer
from cloister_conformance.protocol.paths import Path
from cloister_conformance.reference_adapter.handles import Handles


class Unwrap(Message):
    """An onion, and the private keys of all that peel it."""

    body: Hex
    private_keys: list[Hex]


class Unwrapped(Message):
    """What an onion is made of; `repeated` are the ephemeral keys and IVs that occur in it more than once."""

    routings: list[dict[str, Any]]
    ephemeral_keys: list[Hex]
    ivs: list[Hex]
    payload: Hex
    repeated: list[Hex]


class SealText(Message):
    """Any text, to be sealed as a reply with the key of a layer that was peeled."""

    layer: Layer
    text: Hex


class NameNodes(Message):
    """How many nodes a network has at first, and which of them are gone."""

    count: int
    gone: list[Hex]


class Named(Message):
    """The nodes of a network."""

    network: list[Hex]


class Noted(Message):
    """Paths as they were listed once: with a number, so that a transcript can refer to these, and not to others that are the same."""

    number: int
    paths: list[Path]


class NotedPaths(Message):
    """What was noted."""

    noted: Noted


class Place(Message):
    """A place on a path that was noted."""

    noted: Noted
    path: int
    place: int


class Kept(Message):
    """A path that was noted and stays, but for the places that get `new` nodes."""

    noted: Noted
    path: int
    new: list[int]


class Judge(Message):
    """Paths, the network, the nodes that are given up, the paths that stay, and the guards that do."""

    paths: list[Path]
    network: list[str]
    given_up: list[Place]
    kept: list[Kept]
    guards: list[str]


class JudgeChoice(Message):
    """The path that was chosen of some, for a destination."""

    nodes: list[Hex]
    paths: list[Path]
    destination: str


class JudgeDraws(Message):
    """Paths that were built independently of each other from one network."""

    drawn: list[list[Path]]
    network: list[str]


class Choice(Message):
    """The path that was chosen of some."""

    nodes: list[Hex]
    paths: list[Path]


class JudgeChoices(Message):
    """Choices that were made independently of each other."""

    choices: list[Choice]


class Replacement(Message):
    """Paths before and after a node was replaced."""

    before: list[Path]
    after: list[Path]


class JudgeReplacements(Message):
    """Replacements that were made independently of each other, in one network."""

    replacements: list[Replacement]
    network: list[str]


class Fault(Message):
    """What is wrong; empty if nothing is."""

    fault: str


def spell(paths: list[Path]) -> list[list[str]]:
    """Spell the nodes of paths."""
    return [[node.hex() for node in path.nodes] for path in paths]


def unwrap(params: Unwrap, handles: Handles) -> Unwrapped:
    """Take an onion apart."""
    parts = hand_made.unwrap(params.body, params.private_keys)
    counted = Counter([*parts.ephemeral_keys, *parts.ivs])
    return Unwrapped(
        routings=parts.routings,
        ephemeral_keys=parts.ephemeral_keys,
        ivs=parts.ivs,
        payload=parts.payload,
        repeated=[value for value, count in counted.items() if count > 1],
    )


def seal_text(params: SealText, handles: Handles) -> Answer:
    """Seal any text as a reply."""
    key = handles.get(params.layer, Peeled).key
    return Answer(answer=encode_base64(encrypt_layer(key, params.text, iv=handles.random(IV_BYTES))))


def name_nodes(params: NameNodes, handles: Handles) -> Named:
    """Name the nodes of a network; a list of a step of its own, because the paths of an implementation name the same nodes."""
    nodes = (derive_bytes(f"node {number} of a network") for number in range(params.count))
    return Named(network=[node for node in nodes if node not in params.gone])


def note(params: Noted, handles: Handles) -> NotedPaths:
    """Note paths, of which there are as many as there have to be."""
    if fault := path_rules.find_false_size(spell(params.paths)):
        raise InvalidMessage(reason=fault)
    return NotedPaths(noted=params)


def judge(params: Judge, handles: Handles) -> Fault:
    """Judge paths."""
    given_up = [spell(place.noted.paths)[place.path][place.place] for place in params.given_up]
    stay = [take_kept(kept) for kept in params.kept] + [[guard, NEW, NEW] for guard in params.guards]
    return Fault(fault=path_rules.find_fault(spell(params.paths), params.network, given_up, stay))


def take_kept(kept: Kept) -> list[str]:
    """Take the nodes of a path that stays, `NEW` in the places of those that do not."""
    path = spell(kept.noted.paths)[kept.path]
    return [NEW if place in kept.new else node for place, node in enumerate(path)]


def judge_choice(params: JudgeChoice, handles: Handles) -> Fault:
    """Judge the path that was chosen."""
    nodes = [node.hex() for node in params.nodes]
    return Fault(fault=path_rules.find_false_choice(nodes, spell(params.paths), params.destination))


def judge_draws(params: JudgeDraws, handles: Handles) -> Fault:
    """Judge whether each node is drawn with the same probability for each place."""
    return Fault(fault=path_rules.find_unfair_paths([spell(paths) for paths in params.drawn], params.network))


def judge_choices(params: JudgeChoices, handles: Handles) -> Fault:
    """Judge whether the one or the other path, in the order in which they are listed, is chosen with the same probability."""
    listed = [[path.nodes for path in choice.paths] for choice in params.choices]
    if any(choice.nodes not in paths for paths, choice in zip(listed, params.choices, strict=True)):
        return Fault(fault="this is none of the paths")
    indices = [paths.index(choice.nodes) for paths, choice in zip(listed, params.choices, strict=True)]
    return Fault(fault=path_rules.find_unfair_indices(indices, len(listed[0])))


def judge_replacements(params: JudgeReplacements, handles: Handles) -> Fault:
    """Judge whether each node that was free, in the order of the network, takes the place with the same probability."""
    indices = []
    for replacement in params.replacements:
        before, after = (
            {node for path in spell(paths) for node in path} for paths in (replacement.before, replacement.after)
        )
        free = [node for node in params.network if node not in before]
        fresh = [node for node in free if node in after]
        if len(fresh) != 1:
            return Fault(fault=f"{len(fresh)} nodes were replaced, not 1")
        indices.append(free.index(fresh[0]))
    return Fault(fault=path_rules.find_unfair_indices(indices, len(free)))


FUNCTIONS: dict[str, tuple[Callable[[Any, Handles], Message], type[Message], type[Message]]] = {
    "onion.unwrap": (unwrap, Unwrap, Unwrapped),
    "onion.seal_text": (seal_text, SealText, Answer),
    "paths.name_nodes": (name_nodes, NameNodes, Named),
    "paths.note": (note, Noted, NotedPaths),
    "paths.judge": (judge, Judge, Fault),
    "paths.judge_choice": (judge_choice, JudgeChoice, Fault),
    "paths.judge_draws": (judge_draws, JudgeDraws, Fault),
    "paths.judge_choices": (judge_choices, JudgeChoices, Fault),
    "paths.judge_replacements": (judge_replacements, JudgeReplacements, Fault),
}
