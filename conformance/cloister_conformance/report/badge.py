"""The report as a badge: a small SVG image."""

from html import escape

from cloister_conformance.results import Report

CHARACTER_WIDTH = 7
PADDING = 10

TEMPLATE = """\
<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="20" role="img" aria-label="cloister: {text}">
<rect width="{left}" height="20" fill="#444"/>
<rect x="{left}" width="{right}" height="20" fill="{color}"/>
<g fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">
<text x="{left_middle}" y="14">cloister</text>
<text x="{right_middle}" y="14">{text}</text>
</g>
</svg>
"""


def render(report: Report) -> str:
    """Render a report."""
    passed = sum(clause.verdict == "passed" for clause in report.clauses)
    tested = sum(clause.verdict in ("passed", "failed", "known") for clause in report.clauses)
    text = f"{passed} of {tested} clauses"
    color = "#2e7d32" if report.conforms and passed == tested else "#b26a00" if report.conforms else "#b71c1c"
    left = len("cloister") * CHARACTER_WIDTH + PADDING
    right = len(text) * CHARACTER_WIDTH + PADDING
    return TEMPLATE.format(
        width=left + right,
        left=left,
        right=right,
        left_middle=left // 2,
        right_middle=left + right // 2,
        text=escape(text),
        color=color,
    )
