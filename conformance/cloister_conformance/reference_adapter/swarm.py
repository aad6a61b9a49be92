"""Chapter 07, space and choice, behind the adapter protocol."""

from cloister import swarm

from cloister_conformance.protocol import swarm as messages
from cloister_conformance.reference_adapter.handles import Handles


def space(params: messages.Space, handles: Handles) -> messages.SpaceValue:
    return messages.SpaceValue(space=str(swarm.derive_space(params.recipient)))


def choose(params: messages.Choose, handles: Handles) -> messages.SwarmId:
    chosen = swarm.choose_swarm([int(swarm_id) for swarm_id in params.ids], int(params.space))
    return messages.SwarmId(id=str(chosen))


def build_network(network: messages.Network) -> swarm.Network:
    """Build the network of the reference."""
    return swarm.decode_network(network.model_dump())


def find(params: messages.Find, handles: Handles) -> messages.NodesOfSwarm:
    found = swarm.find_swarm(build_network(params.network), params.recipient)
    return messages.NodesOfSwarm.model_validate(swarm.encode_snodes(found))
