"""Chapter 08: where an exit goes, and where it does not."""

import json

from cloister_conformance.hand_made import onion_faults as faults
from cloister_conformance.hand_made.onion_requests import write_frame
from cloister_conformance.vector_files.cases import Group, Json

Place = tuple[str, Json, tuple[str, ...], str]
"""Comment, other members, members that are absent, the first part of the URL."""


def servers() -> Group:
    """Controls that name a server, allowed and not."""
    group = Group("Server", "onion.read_action")
    places: tuple[Place, ...] = (
        ("protocol and port absent", {}, ("protocol", "port"), "https://open.example.org:443"),
        ("port absent", {}, ("port",), "https://open.example.org:443"),
        ("port absent with http", {"protocol": "http"}, ("port",), "http://open.example.org:80"),
        ("protocol absent", {"port": 8443}, ("protocol",), "https://open.example.org:8443"),
        ("another port", {"protocol": "http", "port": 22_129}, (), "http://open.example.org:22129"),
        ("the first port", {"port": 1}, (), "https://open.example.org:1"),
        ("the last port", {"port": 65_535}, (), "https://open.example.org:65535"),
        *((f"host {host[:20]}", {"host": host}, (), f"https://{host}:443") for host in faults.ALLOWED_HOSTS[:-1]),
        ("an IPv6 address", {"host": "2606:4700::1111"}, (), "https://[2606:4700::1111]:443"),
    )
    for comment, other, absent, place in places:
        control = {name: value for name, value in {**faults.TO_SERVER, **other}.items() if name not in absent}
        plaintext = write_frame(faults.DATA, control)
        expected = {"kind": "server", "to": f"{place}/loki/v3/lsrpc", "body": plaintext.hex()}
        group.valid(comment, "Place", "OR-6 OR-18", expected=expected, plaintext=plaintext)
    for name, values in faults.FORBIDDEN_MEMBERS.items():
        for value in values:
            plaintext = write_frame(faults.DATA, {**faults.TO_SERVER, name: value})
            comment = f"{name} {json.dumps(value)[:60]}"
            group.invalid(comment, "ForbiddenTarget", "Target", "OR-18", plaintext=plaintext)
    return group


def targets() -> Group:
    """Paths at a server."""
    group = Group("Target", "onion.check_target")
    for target in faults.ALLOWED_TARGETS:
        group.valid(json.dumps(target), "Target", "OR-18", expected={}, target=target)
    for target in faults.FORBIDDEN_TARGETS:
        group.invalid(json.dumps(target), "ForbiddenTarget", "Target", "OR-18", target=target)
    return group


def addresses() -> Group:
    """IP addresses."""
    group = Group("Address", "onion.check_address")
    for address in faults.PUBLIC_ADDRESSES:
        group.valid(address, "Address", "OR-19", expected={}, address=address)
    for kind, listed in faults.PRIVATE_ADDRESSES.items():
        for address in listed:
            group.invalid(f"{address}, {kind}", "ForbiddenTarget", "Address", "OR-19", address=address)
    return group
