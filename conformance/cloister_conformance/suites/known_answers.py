"""All chapters: the published vectors, one test for each kind of case and set of clauses."""

import re
from collections import defaultdict
from typing import Any

import pytest

from cloister_conformance import data, vector_files
from cloister_conformance.clause import clause
from cloister_conformance.plugin import Actors
from cloister_conformance.script import ConformanceFailure, ImplementationUnderTest, NotOffered

Case = dict[str, Any]


def gather_cases() -> dict[tuple[str, str, tuple[str, ...]], list[Case]]:
    """Gather the cases by chapter, kind and clauses; each with all its steps."""
    gathered = defaultdict(list)
    for stem in vector_files.CHAPTERS:
        document = vector_files.load(data.find_folder("vectors"), stem)
        for group in document["testGroups"]:
            for test in group["tests"]:
                steps = test.get("steps", [{"method": group["method"], **test}])
                case = {**test, "steps": [*group.get("before", []), *steps, *group.get("after", [])]}
                kind = f"{group['type']}-{test.get('error', 'valid')}"
                gathered[stem, kind, tuple(test["clauses"])].append(case)
    return gathered


def name_tests() -> list[Any]:
    """Name a test for each gathered list of cases."""
    return [
        pytest.param(cases, marks=clause(*clauses), id=f"{stem}-{kind}-{'+'.join(clauses)}")
        for (stem, kind, clauses), cases in gather_cases().items()
    ]


@pytest.mark.parametrize("cases", name_tests())
def test_vectors(actors: Actors, cases: list[Case]) -> None:
    outcomes = [(case, find_failure(actors, case)) for case in cases]
    failures = [(case, failure) for case, failure in outcomes if isinstance(failure, ConformanceFailure)]
    not_offered = [failure for _, failure in outcomes if isinstance(failure, NotOffered)]
    if failures:
        for case, failure in failures:
            failure.add_note(f"tcId {case['tcId']}: {case['comment']}; {len(failures)} of {len(cases)} such cases fail")
        _, failure = failures[0]
        failure.others = [other for _, other in failures[1:]]
        raise failure
    if len(not_offered) == len(cases):
        raise not_offered[0]


def find_failure(actors: Actors, case: Case) -> ConformanceFailure | NotOffered | None:
    """Play a case; return its failure, if it has one, or what it needs that is not offered."""
    iut, _ = actors()
    iut.callee.take_errors()
    try:
        for step in case["steps"]:
            play(iut, step)
    except NotOffered as missing:
        return missing
    except ConformanceFailure as failure:
        failure.stderr = iut.callee.take_errors()
        return failure
    return None


def play(iut: ImplementationUnderTest, step: Case) -> None:
    """Play one step."""
    answer = iut.call(step["method"], **step["input"])
    if "error" in step:
        answer.must_be_refused(step["error"])
    elif "readings" in step:
        answer.must_match(**list_readings(step))
    elif "told" in step["expected"]:
        answer.must_tell(*step["expected"]["told"])
    elif "recipients" in step["expected"]:
        recipients = step["expected"]["recipients"]
        answer.must_contain(recipients=recipients)
        answer.must_match(recipients=rf"^\[('\w+'(, )?){{{len(recipients)}}}\]$")
    else:
        answer.must_be(**step["expected"])


def list_readings(step: Case) -> dict[str, str]:
    """List the texts that the readings allow for each member, as a pattern."""
    allowed = [step["expected"], *step["readings"].values()]
    return {name: f"^({'|'.join(re.escape(result[name]) for result in allowed)})$" for name in step["expected"]}
