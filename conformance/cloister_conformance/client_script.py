"""The actors of a test of a client in a network: `iut`, behind its adapter, and `nodes`, the storage network that it is given."""

from cloister_conformance import played_storage
from cloister_conformance.hand_made.swarms import DATA, RECIPIENT
from cloister_conformance.protocol.network import NETWORK_CLIENT
from cloister_conformance.script import Actor, Answer, ImplementationUnderTest, NotOffered, Script
from cloister_conformance.target import Target

CLIENT = "client"
TIMEOUT_MS = 5000
TTL_MS = 60_000


class ClientUnderTest(ImplementationUnderTest):
    """The client that is tested."""

    def open(self, network: Answer, *, timeout_ms: int = TIMEOUT_MS) -> None:
        """Make a client of a network."""
        self.call(
            "network.open", client=CLIENT, network=network.result.network.model_dump(), timeout_ms=timeout_ms
        ).must_be()

    def change(self, network: Answer) -> None:
        """Give the client another network."""
        self.call("network.change", client=CLIENT, network=network.result.network.model_dump()).must_be()

    def store(self, data: str = DATA, *, recipient: str = RECIPIENT) -> Answer:
        """Let the client store data."""
        return self.call("network.store", client=CLIENT, recipient=recipient, data=data, ttl_ms=TTL_MS)

    def retrieve(self, *, recipient: str = RECIPIENT) -> Answer:
        """Let the client fetch what is new."""
        return self.call("network.retrieve", client=CLIENT, recipient=recipient)

    def begin_again(self) -> None:
        """End the process, and let another go on with what was saved."""
        state = self.call("save", handle=CLIENT).result.state
        self.restart()
        self.call("restore", handle=CLIENT, state=state).must_be()


class Nodes(Actor):
    """The played storage network."""

    def __init__(self, script: Script) -> None:
        super().__init__("nodes", played_storage.start(), script)

    def network(self, nodes: list[str] | None = None, *, height: int = 1) -> Answer:
        """Describe the network of some of the nodes, or of all; it is what the client is given."""
        return self.call("nodes.network", nodes=nodes, height=height)

    def behave(self, nodes: list[str], does: str, **how: object) -> None:
        """Set what nodes do: `method`, `times`, `delay_ms`, `difficulty`, `status`, `body`, `names`."""
        self.call("nodes.behave", nodes=nodes, does=does, **how).must_be()

    def hold(self, nodes: list[str], labels: list[str], *, recipient: str = RECIPIENT, **how: object) -> None:
        """Let nodes hold messages: `hashes`, the labels of these, and `life_ms`."""
        self.call("nodes.hold", nodes=nodes, labels=labels, recipient=recipient, **how).must_be()

    def observe(self) -> Answer:
        """Judge what came."""
        return self.call("nodes.observe")

    def forget(self) -> None:
        """Forget what came."""
        self.call("nodes.forget").must_be()

    def judge_sent(self, sent: Answer) -> None:
        """Expect that the nodes that have acknowledged a message are those that the client names."""
        claim = sent.result
        self.call("nodes.judge_sent", message_hash=claim.message_hash, nodes=claim.nodes).must_be(fault="")


def make_client_actors(target: Target, script: Script) -> tuple[ClientUnderTest, Nodes]:
    """Make both sides of a new script, if the implementation connects to networks at all."""
    if not target.offers(NETWORK_CLIENT):
        raise NotOffered(NETWORK_CLIENT)
    iut = ClientUnderTest(target, script)
    iut.call("reset").must_be()
    nodes = Nodes(script)
    nodes.call("nodes.reset").must_be()
    return iut, nodes
