"""The reading order of the specification is the layering of the code, and only shells touch the world."""

import ast
from pathlib import Path

import cloister

ORDER = (
    "saved_form",
    "errors",
    "wire",
    "identity",
    "chain",
    "x3dh",
    "double_ratchet",
    "session",
    "session_request",
    "sender_keys",
    "sealing",
    "envelope",
    "proof_of_work",
    "swarm",
    "node_request",
    "storage",
    "mailbox",
    "onion",
    "paths",
    "network_client",
    "group_control",
    "group_content",
    "group_state",
    "group_sending",
    "group_repair",
    "group_reading",
    "closed_group",
    "server_id",
    "signed_request",
    "server_onion",
    "room_post",
    "room",
    "room_request",
    "open_group_rights",
    "open_group_queries",
    "open_group_bodies",
    "open_group",
    "open_group_batch",
    "client",
    "saved_state",
)
SHELLS = ("solver", "serving", "service_node", "open_group_server", "network", "devnet", "devserver", "demo")
WORLD = {
    "asyncio",
    "datetime",
    "fcntl",
    "http",
    "httpx",
    "io",
    "logging",
    "multiprocessing",
    "os",
    "pathlib",
    "random",
    "secrets",
    "select",
    "selectors",
    "shutil",
    "signal",
    "socket",
    "ssl",
    "subprocess",
    "sys",
    "tempfile",
    "threading",
    "time",
    "urllib",
    "uuid",
}
WORLDLY_CALLS = {"open", "print", "input"}


def find_imports(tree: ast.AST) -> set[str]:
    """Find what a module imports, by full name."""
    imports = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imports |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = "cloister" if node.level else str(node.module)
            imports |= {f"{base}.{alias.name}" for alias in node.names}
    return imports


def find_violations(stem: str, source: str) -> list[str]:
    """Find what breaks the rules in the source of a module."""
    tree = ast.parse(source)
    imports = find_imports(tree)
    violations = [f"{stem} imports the harness" for name in imports if name.startswith("cloister_conformance")]
    if stem in SHELLS or stem.startswith("_"):
        return violations
    if stem not in ORDER:
        return [*violations, f"{stem} has no place in the order"]

    ours = {name.split(".")[1] for name in imports if name.startswith("cloister.")} - {"_proto"}
    earlier = ORDER[: ORDER.index(stem)]
    violations += [f"{stem} imports {name}, which does not come before it" for name in sorted(ours - set(earlier))]
    worldly = {name.split(".")[0] for name in imports if not name.startswith("urllib.parse")} & WORLD
    violations += [f"{stem} imports {name}: only shells may" for name in sorted(worldly)]
    calls = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    return violations + [f"{stem} calls {name}: only shells may" for name in sorted(calls & WORLDLY_CALLS)]


def test_the_reference_keeps_the_rules() -> None:
    folder = Path(cloister.__file__).parent
    violations = []
    for path in folder.rglob("*.py"):
        stem = path.relative_to(folder).parts[0].removesuffix(".py")
        violations += find_violations(stem, path.read_text(encoding="utf-8"))
    assert violations == []


def test_a_later_chapter_is_noticed() -> None:
    source = "from cloister import errors, sender_keys"
    assert find_violations("identity", source) == ["identity imports sender_keys, which does not come before it"]
    assert find_violations("wire", "import cloister.identity") == [
        "wire imports identity, which does not come before it"
    ]


def test_the_world_is_noticed() -> None:
    assert find_violations("identity", "def f():\n    import os.path") == ["identity imports os: only shells may"]
    assert find_violations("client", "from secrets import token_bytes") == ["client imports secrets: only shells may"]
    assert find_violations("wire", "import multiprocessing.pool") == ["wire imports multiprocessing: only shells may"]
    assert find_violations("swarm", "open('/tmp/x')") == ["swarm calls open: only shells may"]
    assert find_violations("devnet", "import socket, time") == []


def test_the_harness_is_noticed() -> None:
    assert find_violations("demo", "from cloister_conformance import protocol") == ["demo imports the harness"]


def test_an_unknown_module_is_noticed() -> None:
    assert find_violations("utils", "") == ["utils has no place in the order"]
