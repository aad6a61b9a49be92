"""Who may import whom, on the harness's side."""

import ast
from pathlib import Path

import pytest
from cloister_conformance import data

TRANSPORT = data.PACKAGE / "transport.py"
SUITES = sorted((data.PACKAGE / "suites").glob("*.py"))
SKELETON = sorted((data.PACKAGE / "skeletons" / "python").glob("*.py"))


def find_imports(file: Path) -> set[str]:
    """Find the modules that a file imports, and `module.name` of what it takes out of them."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file.name} imports relatively"
            found |= {str(node.module)} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def test_the_transport_knows_nothing_of_the_protocol() -> None:
    assert not [name for name in find_imports(TRANSPORT) if name.startswith("cloister")]


@pytest.mark.parametrize("file", SUITES, ids=lambda file: file.stem)
def test_a_suite_reaches_the_reference_only_as_its_peer(file: Path) -> None:
    assert not [name for name in find_imports(file) if "reference_adapter" in name]


def test_the_skeleton_imports_nothing_of_ours() -> None:
    assert len(SKELETON) == 2
    assert not [name for file in SKELETON for name in find_imports(file) if name.startswith("cloister")]


def test_the_reference_does_not_import_the_harness() -> None:
    files = sorted((data.CHECKOUT / "reference" / "cloister").rglob("*.py"))
    assert files
    assert not [file for file in files if any(name.startswith("cloister_conformance") for name in find_imports(file))]
