"""The OpenRPC document says what the models say, in a form that generators read."""

import json
from typing import Any

import jsonschema_rs
import pytest
from cloister import errors
from cloister_conformance import openrpc, protocol

DOCUMENT = openrpc.build_document()
METHODS = {method["name"]: method for method in DOCUMENT["methods"]}


def find_schemas(value: Any) -> list[dict[str, Any]]:
    """Find all schemas in the document."""
    if isinstance(value, list):
        return [schema for member in value for schema in find_schemas(member)]
    if isinstance(value, dict):
        own = [value["schema"]] if "schema" in value else []
        return own + [schema for member in value.values() for schema in find_schemas(member)]
    return []


def test_the_document_is_json() -> None:
    assert json.loads(json.dumps(DOCUMENT)) == DOCUMENT


def test_the_document_has_the_members_that_openrpc_requires() -> None:
    assert DOCUMENT["openrpc"].startswith("1.")
    assert DOCUMENT["info"] == {"title": "cloister adapter protocol", "version": protocol.SPEC_VERSION}
    assert len(METHODS) == len(DOCUMENT["methods"])


def test_every_method_is_there() -> None:
    assert list(METHODS) == list(protocol.METHODS)


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_a_method_has_the_members_that_openrpc_requires(method: dict[str, Any]) -> None:
    assert method.keys() == {"name", "summary", "paramStructure", "tags", "params", "result", "errors"}
    assert method["summary"].endswith(".")
    assert method["paramStructure"] == "by-name"
    for param in method["params"]:
        assert param.keys() == {"name", "required", "schema"}
    assert method["result"].keys() == {"name", "schema"}
    required = [param["required"] for param in method["params"]]
    assert required == sorted(required, reverse=True), "OpenRPC wants required params first"


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_errors_are_those_of_chapter_01(method: dict[str, Any]) -> None:
    for error in method["errors"]:
        assert error.keys() == {"code", "message", "data"}
        assert error["code"] == protocol.REFUSED
        assert issubclass(getattr(errors, error["data"]["error"]), errors.CloisterError)
        assert error["message"]
    names = [error["data"]["error"] for error in method["errors"]]
    assert len(set(names)) == len(names)


def test_schemas_are_valid_and_stand_alone() -> None:
    schemas = find_schemas(DOCUMENT)
    assert len(schemas) > 40
    for schema in schemas:
        jsonschema_rs.meta.validate(schema)
        assert "$ref" not in json.dumps(schema)


def test_hex_is_lower_case_hex() -> None:
    schema = METHODS["sender_keys.decrypt"]["result"]["schema"]
    jsonschema_rs.validate(schema, {"plaintext": "00ff"})
    for bad in ({"plaintext": "00FF"}, {"plaintext": "0"}, {"plaintext": 0}, {}, {"plaintext": "00", "more": 1}):
        with pytest.raises(jsonschema_rs.ValidationError):
            jsonschema_rs.validate(schema, bad)


@pytest.mark.parametrize("build", [openrpc.build_report_schema, openrpc.build_transcript_schema])
def test_the_schemas_of_files_are_valid(build: Any) -> None:
    jsonschema_rs.meta.validate(build())
