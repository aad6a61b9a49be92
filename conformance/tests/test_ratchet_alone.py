"""A library that has only the Double Ratchet is tested on all that concerns the messages of one session."""

import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from cloister_conformance import run as runs
from cloister_conformance.implementation import Implementation
from cloister_conformance.run import Options

Fake = Callable[..., Implementation]

MUTANT = Path(__file__).parent / "fakes" / "mutant.py"
OFFERED = ["--offer", "double-ratchet,persistence"]


def test_the_messages_of_a_session_are_tested_on_a_bare_ratchet(fake: Fake) -> None:
    report = runs.run(fake(*OFFERED), Options(suites=("pairwise-sessions",), failures=""))
    verdicts = Counter(test.verdict for test in report.tests)
    assert verdicts.keys() == {"passed", "not offered"}
    assert verdicts["passed"] >= 90


@pytest.mark.parametrize(
    ("mutant_id", "test"),
    [
        ("PS-31.a", "test_a_mac_with_a_flipped_bit_is_refused"),
        ("PS-38.b", "test_a_new_chain_begins_when_the_peer_has_a_new_ratchet_key"),
        ("PS-43.a", "test_a_message_over_the_skip_limit_is_refused"),
        ("PS-49.b", "test_a_saved_record_holds_no_key_that_was_used"),
    ],
)
def test_a_mutant_of_the_bare_ratchet_is_caught(mutant_id: str, test: str) -> None:
    mutant = Implementation(name=f"mutant {mutant_id}", run=[sys.executable, str(MUTANT), mutant_id, *OFFERED])
    report = runs.run(mutant, Options(keyword=test, failures=""))
    assert "failed" in {result.verdict for result in report.tests}
