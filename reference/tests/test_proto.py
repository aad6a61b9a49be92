"""The generated code is what the compiler makes of `spec/proto` now."""

from pathlib import Path

import cloister
import pytest
from grpc_tools import protoc  # type: ignore[import-untyped]

GENERATED = Path(cloister.__file__).parent / "_proto"


@pytest.fixture
def compiled(spec: Path, tmp_path: Path) -> dict[str, str]:
    """What the compiler writes, by file name."""
    layouts = sorted(path.name for path in (spec / "proto").glob("*.proto"))
    assert layouts
    arguments = ["protoc", f"-I{spec / 'proto'}", f"--python_out={tmp_path}", f"--pyi_out={tmp_path}", *layouts]
    assert protoc.main(arguments) == 0
    return {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()}


def test_generated_code_is_not_stale(compiled: dict[str, str]) -> None:
    present = {path.name: path.read_text(encoding="utf-8") for path in GENERATED.glob("*_pb2.py*")}
    assert present == compiled
