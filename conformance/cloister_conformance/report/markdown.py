"""The report as Markdown, for the summary page of a CI job."""

from cloister_conformance.results import Report


def render(report: Report) -> str:
    """Render a report."""
    subject = report.implementation
    lines = [
        f"## {subject.name} {subject.version} {report.verdict}",
        "",
        f"cloister {report.cloister}, specification {report.spec}, profile {report.profile}, seed {report.seed}: "
        f"{report.count('passed')} passed, {report.count('failed', 'broken', 'error')} failed, "
        f"{report.count('known')} known failures, {report.count('not offered')} not offered, {report.cases} answers judged.",
    ]
    failures = [test for test in report.tests if test.failure and test.verdict != "known"]
    if failures:
        lines += ["", "### Failures", ""]
    for test in failures:
        assert test.failure is not None
        lines += [
            f"- `{test.id}` ({', '.join(test.clauses)})",
            f"    - expected {test.failure.expected}",
            f"    - {test.failure.actual}",
            f"    - `{test.failure.repeat}`",
        ]
    known = report.name_reasons()
    if known:
        lines += ["", "### Known failures", ""]
    lines += [f"- {', '.join(names)}: {reason}" for reason, names in known.items()]
    readings = report.gather_readings()
    if readings:
        lines += ["", "### Where deployed software differs", ""]
    lines += [f"- {question}: {answer}" for question, answer in readings.items()]
    return "\n".join([*lines, *render_clauses(report)]) + "\n"


def render_clauses(report: Report) -> list[str]:
    """Render the table of the clauses, folded."""
    clauses = [clause for clause in report.clauses if clause.verdict != "not tested"]
    lines = ["", f"<details><summary>{len(clauses)} clauses</summary>", ""]
    lines += ["| clause | verdict | tests | sentence |", "| --- | --- | ---: | --- |"]
    for clause in clauses:
        sentence = clause.sentence.replace("|", "\\|")
        lines.append(f"| {clause.id} | {clause.verdict} | {len(clause.tests)} | {sentence} |")
    return [*lines, "", "</details>"]
