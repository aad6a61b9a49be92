"""Failures as files: what is written, and that anybody can play it again."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cloister_conformance import implementation as implementations
from cloister_conformance import mutants
from cloister_conformance import run as runs
from cloister_conformance import transcript as transcripts
from cloister_conformance.implementation import Implementation
from cloister_conformance.references import MissingOutput, list_outputs, refer, refer_parts, resolve
from cloister_conformance.run import Options
from cloister_conformance.script import Actor, ConformanceFailure, Script, make_actors
from cloister_conformance.target import RESTART, Target
from cloister_conformance.transcript import (
    Transcript,
    TranscriptStep,
    UnreadableTranscript,
    is_playable,
)

Fake = Callable[..., Implementation]

OUTPUT = "0123456789abcdef0123456789abcdef"

PLAYER = """
import json, subprocess, sys
transcript = json.load(open(sys.argv[1]))
adapter = subprocess.Popen(sys.argv[2:], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
for step in transcript["steps"]:
    if step["actor"] == "iut":
        adapter.stdin.write(step["line"] + "\\n")
        adapter.stdin.flush()
        answer = json.loads(adapter.stdout.readline())
adapter.stdin.close()
print(json.dumps({name: answer[name] for name in answer if name in ("result", "error")}))
"""
"""The ten lines that play a transcript; they import nothing of cloister."""


def step(actor: str = "iut", method: str = "sender_keys.encrypt", params: Any = None, **answer: Any) -> TranscriptStep:
    """Make a step of a transcript."""
    return TranscriptStep.model_validate(
        {
            "actor": actor,
            "method": method,
            "params": params or {},
            "expect": {"any": True},
            "line": "",
            "answer": answer,
        }
    )


def transcript(*steps: TranscriptStep, **other: Any) -> Transcript:
    """Make a transcript."""
    about = {
        "test": "t",
        "clauses": {},
        "implementation": "x",
        "seed": 0,
        "strict": False,
        "expected": "",
        "actual": "",
    }
    return Transcript(**{**about, "repeat": "", "repeats": True, "playable": True, "steps": list(steps), **other})


def refer_to(value: Any, *results: dict[str, Any]) -> Any:
    """Write references to the results of earlier steps."""
    return refer(value, list_outputs([{"result": result} for result in results]))


# References


def test_an_output_that_is_sent_again_is_referred_to() -> None:
    assert refer_to(OUTPUT, {"out": OUTPUT[::-1]}, {"out": OUTPUT}) == {"$from": [1, "out"]}


def test_the_latest_of_equal_outputs_is_referred_to() -> None:
    assert refer_to(OUTPUT, {"out": OUTPUT}, {"out": OUTPUT}) == {"$from": [1, "out"]}


def test_a_reference_leads_into_lists_and_objects() -> None:
    result = {"effects": [{"kind": "store"}, {"kind": "send", "payload": OUTPUT}]}
    reference = {"$from": [0, "effects", 1, "payload"]}
    assert refer_to(OUTPUT, result) == reference
    assert resolve(reference, [{"result": result}]) == OUTPUT


def test_a_whole_object_is_referred_to_with_its_numbers() -> None:
    bundle = {"prekey": 7, "key": OUTPUT}
    assert refer_to([bundle, 1], {"bundles": [bundle]}) == [{"$from": [0, "bundles", 0]}, 1]


@pytest.mark.parametrize(("position", "flipped"), [(0, "11" + OUTPUT[2:]), (127, OUTPUT[:-2] + "6f")])
def test_a_flipped_bit_is_flipped_in_the_fresh_output(position: int, flipped: str) -> None:
    data = "10" + OUTPUT[2:] if position == 0 else OUTPUT
    reference = refer_to(flipped, {"out": data})
    assert reference == {"$from": [0, "out"], "flip": position}
    assert resolve(reference, [{"result": {"out": flipped}}]) == data


def test_outputs_inside_of_a_pattern_are_referred_to() -> None:
    other = OUTPUT[::-1]
    outputs = list_outputs([{"result": {"out": OUTPUT, "other": other}}])
    parts = refer_parts(f"^(?!{OUTPUT}){other}", outputs)
    assert parts == {"$join": ["^(?!", {"$from": [0, "out"]}, ")", {"$from": [0, "other"]}]}
    assert resolve(parts, [{"result": {"out": "a", "other": "b"}}]) == "^(?!a)b"
    assert refer_parts("^.*$", outputs) == "^.*$"


@pytest.mark.parametrize("cut", [slice(1, 33), slice(2, 34)])
def test_the_end_of_an_output_is_referred_to_from_its_end(cut: slice) -> None:
    output = "0" + "05" + OUTPUT[2:]
    value = output[cut.start :]
    fresh = "f" + OUTPUT[::-1]
    assert resolve(refer_to(value, {"out": output}), [{"result": {"out": fresh}}]) == fresh[-len(value) :]


@pytest.mark.parametrize(
    ("value", "reference"),
    [
        (OUTPUT[:10] + "x" + OUTPUT[11:], {"head": 10, "middle": "x", "tail": 21}),
        ("x" + OUTPUT[1:], {"head": 0, "middle": "x", "tail": 31}),
        (OUTPUT[:-1] + "x", {"head": 31, "middle": "x", "tail": 0}),
        (OUTPUT[:20], {"head": 20, "middle": "", "tail": 0}),
        (OUTPUT + "more", {"head": 32, "middle": "more", "tail": 0}),
        ("more" + OUTPUT, {"head": 0, "middle": "more", "tail": 32}),
        (OUTPUT[:16] + "inserted" + OUTPUT[16:], {"head": 16, "middle": "inserted", "tail": 16}),
    ],
    ids=["middle", "first", "last", "cut", "longer at the end", "longer at the beginning", "inserted"],
)
def test_a_changed_output_is_referred_to_by_its_parts(value: str, reference: dict[str, Any]) -> None:
    assert refer_to(value, {"out": OUTPUT}) == {"$from": [0, "out"], **reference}
    other = OUTPUT[::-1]
    fresh = resolve(refer_to(value, {"out": OUTPUT}), [{"result": {"out": other}}])
    assert fresh == other[: reference["head"]] + reference["middle"] + other[len(other) - reference["tail"] :]
    assert resolve(refer_to(value, {"out": OUTPUT}), [{"result": {"out": OUTPUT}}]) == value


@pytest.mark.parametrize("value", ["short", 5, None, ["list"], "x" * 32, "0" * 32, OUTPUT[:10] + "x" * 22])
def test_what_is_no_output_stands_as_it_is(value: Any) -> None:
    assert refer_to(value, {"out": OUTPUT, "zeros": "0" * 32}) == value
    assert resolve(value, []) == value


def test_the_output_that_is_kept_most_is_referred_to() -> None:
    value = OUTPUT[:31] + "x"
    results = [{"out": output} for output in (OUTPUT[:20] + "y" * 12, OUTPUT, OUTPUT[:24] + "z" * 8)]
    assert refer_to(value, *results)["$from"] == [1, "out"]


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ({"$from": [0, "out"]}, "out of step 1 did not come back"),
        ({"$from": [1, "effects", 1, "payload"]}, "effects.1.payload of step 2 did not come back"),
        ({"$from": [1, "effects", "payload"]}, "effects.payload of step 2 did not come back"),
        ({"$from": [1, "effects"], "head": 1, "middle": "", "tail": 1}, "effects of step 2 is no text"),
        ({"$from": [1, "out"], "flip": 8}, "out of step 2 has no bit 8"),
    ],
)
def test_an_output_that_is_missing_is_named(reference: dict[str, Any], message: str) -> None:
    answers = [{"error": {}}, {"result": {"out": "00", "effects": [{}]}}]
    with pytest.raises(MissingOutput, match=f"^{message}$"):
        resolve(reference, answers)


def test_lines_are_playable_unless_they_depend_on_the_implementation() -> None:
    reference = {"message": {"$from": [0, "message"]}}
    assert is_playable([step("peer"), step("iut", params=reference)])
    assert not is_playable([step("iut"), step("iut", params=reference)])
    assert not is_playable(
        [step("iut"), step("peer", params=reference), step("iut", params={"message": {"$from": [1, "message"]}})]
    )
    assert not is_playable([step("iut"), step("peer")])
    assert is_playable([step("iut"), step("peer", params=reference), step("iut")])


def test_lines_are_not_playable_if_they_depend_on_what_the_peer_holds_of_the_implementation() -> None:
    distribution = {"distribution": {"$from": [0, "distribution"]}}
    message = step("iut", params={"message": {"$from": [2, "message"]}})
    for record, playable in (("of the implementation", False), ("of its own", True)):
        received = step("peer", "sender_keys.process", {"record": "of the implementation", **distribution})
        sent = step("peer", "sender_keys.decrypt", {"record": record})
        assert is_playable([step("iut"), received, sent, message]) is playable


def test_lines_are_not_playable_beyond_a_restart() -> None:
    assert not is_playable([step("iut"), step("iut", RESTART), step("iut")])


def test_lines_are_not_playable_without_the_network_that_they_were_sent_in() -> None:
    network = {"client": "client", "network": {"$from": [0, "network"]}, "timeout_ms": 1}
    assert not is_playable([step("nodes", "nodes.network"), step("iut", "network.open", network)])


def test_a_value_inside_a_list_or_an_object_is_referred_to_and_resolved() -> None:
    value = {"list": [OUTPUT, 1], "object": {"text": OUTPUT}}
    reference = {"list": [{"$from": [0, "out"]}, 1], "object": {"text": {"$from": [0, "out"]}}}
    assert refer_to(value, {"out": OUTPUT}) == reference
    assert resolve(reference, [{"result": {"out": OUTPUT}}]) == value
    assert not is_playable([step("iut"), step("iut", params={"nested": [{"text": {"$from": [0, "out"]}}]})])


# Files


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "Invalid JSON"),
        ("rubbish", "Invalid JSON"),
        ("\ufffe", "Invalid JSON"),
        ("[]", "Input should be an object"),
        ("{}", "test: Field required"),
        ('{"format": "cloister-report/1"}', "format: Input should be 'cloister-transcript/1'"),
    ],
)
def test_a_file_that_is_no_transcript_is_explained(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "file.json").write_text(text)
    with pytest.raises(UnreadableTranscript, match=message):
        transcripts.read(tmp_path / "file.json")


def test_a_file_that_does_not_exist_is_explained(tmp_path: Path) -> None:
    with pytest.raises(UnreadableTranscript, match="No such file"):
        transcripts.read(tmp_path / "no_such.json")
    with pytest.raises(UnreadableTranscript, match="Is a directory"):
        transcripts.read(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        {"steps": []},
        {"method": "no_such_method"},
        {"params": {"key": {"$from": [1, "message"]}}},
        {"params": {"key": {"$from": "out"}}},
        {"params": {"key": {"$from": [0]}}},
        {"params": {"key": {"$from": ["out", "out"]}}},
        {"params": {"key": {"$from": [0, "no_such_member"]}}},
        {"params": {"key": {"$from": [0, "message"], "flip": 0, "head": 1}}},
        {"expect": {"like": 1}},
        {"expect": {"like": 0, "any": True}},
        {"expect": {"matches": {"message": "("}}},
        {"expect": {"matches": {"message": {"$join": ["(", {"$from": [0, "message"]}]}}}},
        {"expect": {"differs": {"message": {"$from": [1, "message"]}}}},
        {"method": "sender_keys.decode_distribution"},
        {"params": {"key": {"$from": [0, "message"], "middle": ""}}},
        {"expect": {"no such": "expectation"}},
        {"expect": {"result": None}},
        {"expect": {"code": None}},
        {"expect": {"error": "DecryptionFailed", "code": None}},
        {"params": None},
        {"expect": None},
    ],
)
def test_a_transcript_whose_steps_make_no_sense_is_explained(tmp_path: Path, change: dict[str, Any]) -> None:
    good = transcript(step(), step()).model_dump()
    (tmp_path / "file.json").write_text(json.dumps(good))
    assert len(transcripts.read(tmp_path / "file.json").steps) == 2
    bad = (
        {**good, **change}
        if "steps" in change
        else {**good, "steps": [good["steps"][0], {**good["steps"][1], **change}]}
    )
    (tmp_path / "file.json").write_text(json.dumps(bad))
    with pytest.raises(UnreadableTranscript, match="is no cloister transcript"):
        transcripts.read(tmp_path / "file.json")


# Failures of a run


@pytest.fixture(scope="module")
def failures(make_fake: Fake, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Let an adapter fail; return the transcripts by test."""
    folder = tmp_path_factory.mktemp("failures")
    implementation = make_fake(
        folder / "fake",
        "identity.verify=accept-anything",
        "sender_keys.decrypt=lie",
        "identity.sign=lie",
        "identity.generate=exit-3",
    )
    keyword = (
        "test_a_signature_of_somebody_else or test_a_record_without_distribution or test_what_is_received_is_read"
        " or test_a_signature_verifies or test_seeds_are_random"
    )
    report = runs.run(implementation, Options(keyword=keyword, failures=str(folder / "failures"), seed=3))
    assert len(report.tests) == 5
    assert all(result.failure and result.failure.transcript for result in report.tests)
    return {
        result.id: Path(result.failure.transcript)
        for result in report.tests
        if result.failure and result.failure.transcript
    }


def find(failures: dict[str, Path], name: str) -> tuple[Path, Transcript]:
    """Find the transcript of a test."""
    (file,) = (file for test, file in failures.items() if name in test)
    return file, transcripts.read(file)


def test_a_failed_test_is_saved_with_all_that_a_stranger_needs(failures: dict[str, Path]) -> None:
    _, saved = find(failures, "somebody_else")
    assert saved.test == "identity::test_a_signature_of_somebody_else_is_refused"
    assert saved.clauses.keys() == {"ID-17"}
    assert "MUST" in saved.clauses["ID-17"]
    assert (saved.implementation, saved.seed, saved.strict) == ("fake", 3, False)
    assert saved.expected == "identity.verify: the refusal InvalidSignature"
    assert saved.actual == "answered a result: {}"
    assert [(one.actor, one.method) for one in saved.steps] == [
        ("iut", "reset"),
        ("peer", "identity.sign"),
        ("iut", "identity.verify"),
    ]
    assert saved.steps[-1].params["signature"] == {"$from": [1, "signature"]}
    assert saved.steps[-1].expect == {"error": "InvalidSignature"}
    line = json.loads(saved.steps[-1].line)
    assert (line["method"], line["params"]["signature"]) == (
        "identity.verify",
        saved.steps[1].answer["result"]["signature"],
    )


def test_the_transcripts_of_a_run_say_whether_they_can_be_played(failures: dict[str, Path]) -> None:
    assert {
        test.partition("::")[2].partition("[")[0]: transcripts.read(file).playable for test, file in failures.items()
    } == {
        "test_a_signature_of_somebody_else_is_refused": True,
        "test_a_record_without_distribution_reads_nothing": True,
        "test_what_is_received_is_read": True,
        "test_a_signature_verifies": False,
        "test_seeds_are_random_in_both_halves": True,
    }


@pytest.mark.parametrize(
    ("name", "actual"),
    [
        ("is_received", "answered a result"),
        ("signature_verifies", "refused with InvalidSignature"),
        ("seeds", "exited with status 3 without an answer"),
    ],
)
def test_a_replay_shows_the_failure_again_and_health_where_it_is(
    failures: dict[str, Path], name: str, actual: str, cloister: Callable[[str], Any]
) -> None:
    file, saved = find(failures, name)
    fake = file.parent.parent / "fake"
    done = cloister(f"replay {file} {fake}")
    assert (done.status, done.err) == (1, "")
    assert actual in done.out
    assert saved.expected.partition(": ")[2].split()[0] in done.out
    assert f"step {len(saved.steps)} of {len(saved.steps)}" in done.out
    assert "still fails" in done.out
    for clause, sentence in saved.clauses.items():
        assert f"{clause} {sentence}" in done.out


def test_a_replay_against_the_healthy_reference_does_not_fail(
    failures: dict[str, Path], cloister: Callable[[str], Any]
) -> None:
    for name in ("is_received", "signature_verifies", "seeds"):
        file, _ = find(failures, name)
        done = cloister(f"replay {file}")
        assert (done.status, done.err) == (0, ""), done.out
        assert "does not fail any more" in done.out


def test_a_replay_of_what_cannot_be_run_is_explained(failures: dict[str, Path], cloister: Callable[[str], Any]) -> None:
    file, _ = find(failures, "seeds")
    done = cloister(f"replay {file} -- no_such_command")
    assert done.status == 3
    assert done.err.count("\n") == 1


@pytest.mark.parametrize("name", ["somebody_else", "record_without", "is_received"])
def test_ten_lines_play_a_playable_transcript(failures: dict[str, Path], name: str) -> None:
    file, saved = find(failures, name)
    command = implementations.read(file.parent.parent / "fake").run
    done = subprocess.run(
        [sys.executable, "-c", PLAYER, str(file), *command], capture_output=True, text=True, check=True
    )
    assert saved.steps[-1].answer == {**saved.steps[-1].answer, **json.loads(done.stdout)}


# The state before


def play_own_message(target: Target) -> Transcript:
    """Let an implementation read its own message, and expect it to refuse; write the transcript."""
    script = Script(seed=0)
    iut, _ = make_actors(target, script)
    iut.call("sender_keys.create", key="key").must_be()
    distribution = iut.call("sender_keys.distribute", key="key").result.distribution
    iut.call("sender_keys.process", record="record", distribution=distribution, now_ms=0).must_be()
    message = iut.call("sender_keys.encrypt", key="key", plaintext=b"hello").result.message
    answer = iut.call("sender_keys.decrypt", record="record", message=message, now_ms=0)
    with pytest.raises(ConformanceFailure):
        answer.must_be_any_refusal()
    steps = transcripts.write_steps(script)
    assert not is_playable(steps)
    return transcript(*steps, playable=False)


def test_the_state_before_and_the_last_line_show_the_failure_alone(reference_target: Target) -> None:
    saved = transcripts.save_states(play_own_message(reference_target), reference_target)
    assert saved.state_before.keys() == {"key", "record"}
    fresh = Target(reference_target.implementation)
    for handle, state in saved.state_before.items():
        fresh.call("restore", {"handle": handle, "state": state})
    line = json.loads(saved.steps[-1].line)
    assert fresh.call(line["method"], line["params"])["result"] == {"plaintext": b"hello".hex()}
    fresh.stop()


def test_there_is_no_state_of_what_does_not_exist_yet(reference_target: Target) -> None:
    script = Script(seed=0)
    iut, _ = make_actors(reference_target, script)
    iut.call("sender_keys.create", key="key")
    saved = transcript(*transcripts.write_steps(script))
    assert transcripts.save_states(saved, reference_target).state_before == {}


def test_a_run_saves_the_state_before(failures: dict[str, Path]) -> None:
    _, received = find(failures, "is_received")
    assert received.state_before.keys() == {"record"}
    _, other = find(failures, "somebody_else")
    assert other.state_before == {}


# Replay


def fail(target: Target, play: Callable[[Actor, Actor], object]) -> list[TranscriptStep]:
    """Let a test fail; write the steps of its transcript."""
    script = Script(seed=0)
    with pytest.raises(ConformanceFailure):
        play(*make_actors(target, script))
    return transcripts.write_steps(script)


def test_a_transcript_that_needs_other_actors_says_so(tmp_path: Path, cloister: Callable[[str], Any]) -> None:
    (tmp_path / "file.json").write_text(transcript(step("alice", "reset"), step("bob", "reset")).model_dump_json())
    done = cloister("replay file.json")
    assert (done.status, done.err) == (2, "cloister: the transcript needs alice, bob; replay knows iut and peer only\n")


def test_what_did_not_come_back_cannot_be_judged(tmp_path: Path, cloister: Callable[[str], Any]) -> None:
    refused = step(method="identity.decode_account_id", params={"text": "05"})
    following = step(method="identity.decode_account_id", params={"text": {"$from": [0, "public_key"]}})
    saved = transcript(refused, following, repeat="cloister check --clause ID-4")
    (tmp_path / "file.json").write_text(saved.model_dump_json())
    done = cloister("replay file.json")
    assert (done.status, done.err) == (3, "")
    assert "step 2 of 2" in done.out
    assert "public_key of step 1 did not come back" in done.out
    assert done.out.endswith("repeat cloister check --clause ID-4")


def test_a_value_that_no_reference_stands_for_is_found_out_when_it_is_written(reference_target: Target) -> None:
    def compare_reversed(iut: Actor, _: Actor) -> None:
        seed = iut.call("identity.generate").result.seed
        iut.call("identity.derive", seed=seed[::-1]).must_exclude(private_key=[b"@"])
        iut.call("identity.generate").must_be(seed=seed[::-1])

    steps = fail(reference_target, compare_reversed)
    saved = transcript(*steps)
    assert not transcripts.rehearse(saved, reference_target)
    unsure = saved.model_copy(update={"repeats": False})
    assert transcripts.replay(unsure, reference_target).verdict == "cannot be judged"


def test_a_failure_that_depends_on_a_bit_is_tried_again(reference_target: Target) -> None:
    def want_no_seed_to_begin_so(iut: Actor, _: Actor) -> None:
        for _ in range(100):
            iut.call("identity.generate").must_match(seed="^[0-7]")

    (first, *_, last) = fail(reference_target, want_no_seed_to_begin_so)
    verdicts = {transcripts.replay(transcript(first, last), reference_target).verdict for _ in range(20)}
    assert verdicts == {"fails"}


MUTANTS = {
    "ID-9.a": "result",
    "PW-15.a": "result",
    "ID-12.a": "excludes",
    "ID-17.a": "error",
    "SK-1.c": "excludes",
    "SK-1.d": "matches",
    "PW-9.a": "like",
    "SK-11.a": "excludes",
    "SK-11.b": "any",
    "SK-11.c": "differs",
    "SW-38.c": "result",
    "OR-30.t": "result",
}
"""Known-bad implementations, and a kind of expectation that each of them fails."""


@pytest.mark.parametrize("mutant", MUTANTS)
def test_the_failure_of_a_mutant_is_replayed(mutant: str, tmp_path: Path, cloister: Callable[[str], Any]) -> None:
    command = f"env --unset=COVERAGE_PROCESS_CONFIG {sys.executable} -m cloister_conformance.mutants {mutant} {mutants.FOLDER}"
    assert cloister(f"check --jobs 1 --clause {mutant.partition('.')[0]} -- {command}").status == 1
    files = sorted((tmp_path / "cloister-failures").glob("*.json"))
    file = next(file for file in files if MUTANTS[mutant] in transcripts.read(file).steps[-1].expect)
    assert transcripts.read(file).repeats
    assert cloister(f"replay {file} -- {command}").status == 1
    assert cloister(f"replay {file}").status == 0
