"""The test vectors: verdicts written by hand, values from the reference, byte-identical on every run."""

import json
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cloister
from pydantic import ValidationError

from cloister_conformance import data
from cloister_conformance.vector_files import format as form
from cloister_conformance.vector_files.cases import Chapter

SPEC_STEMS = [file.stem[3:].replace("-", "_") for file in sorted(data.find_folder("spec").glob("[0-9]*.md"))]
CHAPTERS = tuple(stem for stem in SPEC_STEMS if find_spec(f"{__name__}.{stem}"))
"""The chapters that have vectors, in reading order: a folder here bears the stem of a chapter's file."""


def build_chapter(stem: str) -> Chapter:
    """Build the content of a chapter's file."""
    chapter: Chapter = import_module(f"{__name__}.{stem}").build()
    return chapter


def build_document(chapter: Chapter) -> dict[str, Any]:
    """Build the content of a file, numbering its cases from 1."""
    document: dict[str, Any] = {
        "algorithm": chapter.algorithm,
        "chapter": chapter.stem,
        "generatorVersion": cloister.__version__,
        "numberOfTests": sum(len(group.tests) for group in chapter.groups),
        "header": list(chapter.header),
        "notes": {flag: chapter.notes[flag].model_dump(exclude_none=True) for flag in sorted(chapter.notes)},
        "schema": f"schema/{chapter.stem}.schema.json",
        "testGroups": [],
    }
    number = 0
    for group in chapter.groups:
        shared = {name: list(steps) for name, steps in (("before", group.before), ("after", group.after)) if steps}
        tests = []
        for test in group.tests:
            number += 1
            tests.append({"tcId": number, **test})
        document["testGroups"].append(
            {"type": group.type, "source": dict(group.source), "method": group.method, **shared, "tests": tests}
        )
    check_flags(document)
    return document


def check_flags(document: dict[str, Any]) -> None:
    """Check that every flag has a note, every note a case, and every comment one case."""
    tests = [test for group in document["testGroups"] for test in group["tests"]]
    flags = {flag for test in tests for flag in test["flags"]}
    if flags != set(document["notes"]):
        raise ValueError(f"{document['chapter']}: flags and notes differ in {sorted(flags ^ set(document['notes']))}")
    for group in document["testGroups"]:
        comments = [test["comment"] for test in group["tests"]]
        twice = {comment for comment in comments if comments.count(comment) > 1}
        if twice:
            raise ValueError(f"{document['chapter']}, {group['type']}: comments occur twice: {sorted(twice)[:3]}")


def encode_document(document: dict[str, Any]) -> str:
    """Encode a file."""
    return json.dumps(document, indent=1, ensure_ascii=True) + "\n"


def build_files() -> dict[str, str]:
    """Build the text of every generated file, by its path in the folder."""
    files = {}
    for stem in CHAPTERS:
        document = build_document(build_chapter(stem))
        files[f"{stem}.json"] = encode_document(document)
        files[f"schema/{stem}.schema.json"] = encode_document(form.build_schema(document))
    return files


def generate(folder: Path) -> None:
    """Write every file."""
    for name, text in build_files().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")


def verify(folder: Path) -> list[str]:
    """Compare a folder with what would be generated; return one line for each problem."""
    files = build_files()
    present = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} - {"README.md"}
    problems = [f"{name}: missing" for name in sorted(files.keys() - present)]
    problems += [f"{name}: not a file of the generator" for name in sorted(present - files.keys())]
    for name in sorted(files.keys() & present):
        data = (folder / name).read_bytes()
        if data != files[name].encode("utf-8"):
            problems.append(f"{name}: differs from what is generated, {describe_difference(data, files[name])}")
        if "/" not in name:
            problems += find_schema_violations(name, data, files[name])
    return problems


def describe_difference(data: bytes, generated: str) -> str:
    """Say where a file differs first."""
    try:
        found, wanted = json.loads(data), json.loads(generated)
    except (ValueError, RecursionError) as error:
        return f"and is not JSON: {error}"
    if found == wanted:
        return "in its blanks or the order of its members only"
    try:
        found_tests = [test for group in found["testGroups"] for test in group["tests"]]
        wanted_tests = [test for group in wanted["testGroups"] for test in group["tests"]]
        for one, other in zip(found_tests, wanted_tests, strict=False):
            if one != other:
                return f"first in tcId {other['tcId']}"
    except (KeyError, TypeError, AttributeError):
        return "in its structure"
    if len(found_tests) != len(wanted_tests):
        return f"which has {len(wanted_tests)} cases, not {len(found_tests)}"
    return "outside its cases"


def find_schema_violations(name: str, data: bytes, generated: str) -> list[str]:
    """Read a file through the models that its schema is generated from; return the first violation."""
    try:
        form.build_file(json.loads(generated)).model_validate_json(data)
    except ValidationError as error:
        first = error.errors()[0]
        return [f"{name}: breaks its schema at {'.'.join(str(part) for part in first['loc'])}: {first['msg']}"]
    return []


def load(folder: Path, stem: str) -> dict[str, Any]:
    """Load a vector file."""
    document: dict[str, Any] = json.loads((folder / f"{stem}.json").read_bytes())
    return document
