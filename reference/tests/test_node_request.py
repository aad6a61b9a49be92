"""Chapter 07, second part: what only the code sees of node requests."""

import pytest
from cloister import errors, node_request, swarm

U = "18914bc3511969f930803c4b1d6c4a4a4b64ab5ed8e4d7ca3f60c9f3f8f4ee5a"
NOW_MS = 1_600_000_000_000


@pytest.mark.parametrize("name", [node_request.KEY_HEADER, node_request.TIME_HEADER, node_request.SIGNATURE_HEADER])
def test_one_header_makes_a_node_request(name: str) -> None:
    assert node_request.is_signed({name: "", "host": "example.org"})
    assert not node_request.is_signed({"host": "example.org"})


@pytest.mark.parametrize("key", ["02" + "00" * 31, "ff" * 32])
def test_a_node_whose_key_is_no_point_signs_nothing(key: str) -> None:
    node = swarm.Node(pubkey_ed25519=key, pubkey_x25519=U, ip="192.0.2.1", port="22021")
    network = swarm.Network(height=1, swarms=(swarm.Swarm(id="1", nodes=(node,)),))
    signer = node_request.derive_keys(bytes(32))
    headers = node_request.sign(signer, key, "/", b"", now_ms=NOW_MS) | {node_request.KEY_HEADER: key}
    with pytest.raises(errors.InvalidSignature):
        node_request.check(headers, network, key, "/", b"", now_ms=NOW_MS)
