"""The peer: the reference in this process, and what it alone can do, taking apart what an implementation wrote.

A test that needs a part of a frame lets the peer decode it, as a step of its own, so that replay decodes the fresh frame.
"""

from collections.abc import Callable
from typing import Any

from cloister import errors, sender_keys
from pydantic import ValidationError

from cloister_conformance import protocol
from cloister_conformance.protocol.messages import Hex, Message, Method
from cloister_conformance.protocol.sender_keys import Distribution
from cloister_conformance.reference_adapter import Adapter, failure


class DecodedDistribution(Message):
    """The fields of a distribution."""

    key_id: int
    iteration: int
    chain_key: Hex
    signing_key: Hex


def decode_distribution(params: Distribution) -> DecodedDistribution:
    """Take a distribution apart."""
    decoded = sender_keys.decode_distribution(params.distribution)
    return DecodedDistribution(
        key_id=decoded.key_id,
        iteration=decoded.iteration,
        chain_key=decoded.chain_key,
        signing_key=decoded.signing_key,
    )


FUNCTIONS: dict[str, Callable[[Any], Message]] = {"sender_keys.decode_distribution": decode_distribution}

METHODS: dict[str, Method] = protocol.METHODS | {
    "sender_keys.decode_distribution": Method(
        name="sender_keys.decode_distribution",
        capability=None,
        summary="Take a distribution apart.",
        params=Distribution,
        result=DecodedDistribution,
    )
}
"""The methods of every adapter, and those of the peer alone."""


class Peer(Adapter):
    """Answers what every adapter answers, and decodes."""

    def call(self, name: str, params: dict[str, Any]) -> dict[str, Any]:
        """Answer one call; return the JSON-RPC members `result` or `error`."""
        if name not in FUNCTIONS:
            return super().call(name, params)
        try:
            result = FUNCTIONS[name](METHODS[name].params.model_validate(params))
        except errors.CloisterError as refusal:
            return failure(protocol.REFUSED, str(refusal), error=type(refusal).__name__)
        except ValidationError as error:
            return failure(protocol.INVALID_PARAMS, str(error))
        return {"result": result.model_dump()}
