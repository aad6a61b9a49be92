"""Chapter 08, the paths of a client, behind the adapter protocol."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from cloister import paths, wire

from cloister_conformance.protocol import paths as messages
from cloister_conformance.protocol.messages import Nothing
from cloister_conformance.reference_adapter.handles import Handles


@dataclass(frozen=True, slots=True)
class Client:
    """What a handle stands for: the paths, and the network that they are built from."""

    state: paths.Paths
    network: tuple[str, ...]

    def complete(self, random: wire.Random) -> "Client":
        """Build the paths that are missing."""
        return replace(self, state=paths.build_paths(self.state, self.network, random))


def spell(keys: Sequence[bytes]) -> tuple[str, ...]:
    """Spell Ed25519 keys as the reference names nodes."""
    return tuple(key.hex() for key in keys)


def describe(path: paths.Path) -> messages.Path:
    """Describe a path."""
    return messages.Path(nodes=[bytes.fromhex(node) for node in path.nodes])


def create(params: messages.Create, handles: Handles) -> Nothing:
    network = spell(params.network)
    state = paths.build_paths(paths.Paths(), network, handles.random, guards=spell(params.guards or ()))
    handles.put(params.paths, Client(state, network))
    return Nothing()


def list(params: messages.OfPaths, handles: Handles) -> messages.Listed:  # noqa: A001 - named as the method
    client = handles.get(params.paths, Client)
    return messages.Listed(paths=[describe(path) for path in client.state.paths])


def choose(params: messages.Choose, handles: Handles) -> messages.Path:
    client = handles.get(params.paths, Client)
    return describe(paths.choose_path(client.state, params.destination, handles.random))


def note_reply(params: messages.NoteReply, handles: Handles) -> Nothing:
    client = handles.get(params.paths, Client)
    if path := paths.find_path(client.state, params.guard.hex()):
        handles.put(params.paths, replace(client, state=paths.note_reply(client.state, path)))
    return Nothing()


def note_failure(params: messages.NoteFailure, handles: Handles) -> Nothing:
    client = handles.get(params.paths, Client)
    if path := paths.find_path(client.state, params.guard.hex()):
        state = paths.note_failure(
            client.state,
            path,
            client.network,
            handles.random,
            destination=params.destination,
            answer=params.answer,
        )
        handles.put(params.paths, replace(client, state=state).complete(handles.random))
    return Nothing()


def change_network(params: messages.ChangeNetwork, handles: Handles) -> Nothing:
    client = handles.get(params.paths, Client)
    network = spell(params.network)
    state = paths.change_network(client.state, network, handles.random)
    handles.put(params.paths, Client(state, network).complete(handles.random))
    return Nothing()
