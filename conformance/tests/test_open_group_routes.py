"""All endpoints of chapter 11 are tried by the suite, and are those of the reference."""

import re
from types import SimpleNamespace
from typing import Any, cast

from cloister.open_group import BATCH_PATHS, ENDPOINTS
from cloister.server_onion import TARGET
from cloister_conformance import data
from cloister_conformance.suites.open_groups_server_routes import list_endpoints

CHAPTER = (data.find_folder("spec") / "11-open-groups.md").read_text("utf-8")
ROW = re.compile(r"^\| (`(?:GET|PUT|POST|DELETE) /.*?) \|", re.MULTILINE)
ASKED = re.compile(r"`(GET|PUT|POST|DELETE) (/\S+)`")
NAMES = {"T": "{room}", "M": "{message}", "F": "{file}", "N": "{number}", "ID": "{id}", "NAME": "{name}"}
OUTSIDE = {("POST", path) for path in (*BATCH_PATHS, TARGET)} | {("GET", "/health"), ("GET", "/openapi.json")}
ID = "05" + "0" * 64


def read_chapter() -> set[tuple[str, str]]:
    """Read the endpoints of the chapter's table."""
    found = [asked for row in ROW.findall(CHAPTER) for asked in ASKED.findall(row)]
    return {(method, "/".join(NAMES.get(part, part) for part in path.split("/"))) for method, path in found}


def test_the_reference_has_the_endpoints_of_the_chapter() -> None:
    assert read_chapter() - OUTSIDE == {(endpoint.method, endpoint.path) for endpoint in ENDPOINTS}


def test_the_suite_tries_all_endpoints_once() -> None:
    message = SimpleNamespace(refer=lambda *_: 7)
    scene = cast("Any", SimpleNamespace(room="a", victim=SimpleNamespace(id=ID), file=8, message=message))
    person = cast("Any", SimpleNamespace(name=None))
    tried = []
    for endpoint in list_endpoints(scene, person):
        path = "".join(map(str, endpoint.path))
        found = [one for one in ENDPOINTS if one.method == endpoint.method and one.pattern.fullmatch(path)]
        assert len(found) == 1, path
        tried.append(found[0])
    assert sorted(map(str, tried)) == sorted(map(str, ENDPOINTS))
