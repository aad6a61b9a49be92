"""The skeletons of `cloister adapter new`: each is copied, built, started and talked to over its pipe."""

import json
import os
import random
import re
import select
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cloister import errors, proof_of_work
from cloister_conformance import data, implementation, protocol, skeletons

NAME = "the library of O'Hara (π)"
MIN_LINE_BYTES = 1_048_576
ANSWER_SECONDS = 30
IN_FLIGHT = 64
BUILD_TRIES = 3
INTERNAL_ERROR = -32603

TOOLCHAINS = {
    "go": ("Go", ["go"]),
    "java": ("Java", ["java", "javac", "mvn"]),
    "javascript": ("JavaScript", ["node"]),
    "python": ("Python", ["python3"]),
}

NO_ANSWER = re.compile(
    "Unknown host|Temporary failure in name resolution|Connection (refused|reset|timed out)|Network is unreachable"
    "|No route to host|Read timed out|Connect timed out|(Too Many Requests|Bad Gateway|Service Unavailable|Gateway Time-?out)"
)
"""What Maven says when a registry does not answer; everything else is a broken skeleton."""

# Where a method is added, and a method that prints to standard output and then fails as nobody foresaw.
CRASHES = {
    "go": (
        "library.go",
        '"reset":                {"", reset},',
        '"crash": {"", func(params) members { fmt.Println("noise"); var none map[string]int; none["x"] = 1; return nil }},',
    ),
    "java": (
        "src/main/java/Library.java",
        'Map.entry("reset", new Adapter.Method(Library::reset)),',
        'Map.entry("crash", new Adapter.Method(params -> { System.out.println("noise"); throw new IllegalStateException(); })),',
    ),
    "javascript": (
        "library.mjs",
        '"reset": [[], reset],',
        '"crash": [[], () => { console.log("noise"); return null.x; }],',
    ),
    "python": ("library.py", '"reset": reset,', '"crash": lambda: print("noise") or [][0],'),
}


@dataclass(frozen=True)
class Skeleton:
    """A skeleton that has been built."""

    language: str
    folder: Path
    run: list[str]

    def start(self) -> subprocess.Popen[bytes]:
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
        return subprocess.Popen(
            self.run, cwd=self.folder, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def talk(self, *lines: str | bytes) -> list[dict[str, Any]]:
        """Send all lines at once, end the input, and return the answers."""
        text = b"".join((line.encode() if isinstance(line, str) else line) + b"\n" for line in lines)
        done = subprocess.run(
            self.run, cwd=self.folder, input=text, capture_output=True, timeout=ANSWER_SECONDS, check=False
        )
        assert done.returncode == 0, done.stderr.decode()
        *answers, end = done.stdout.split(b"\n")
        assert end == b""
        assert len(answers) == len(lines)
        return [json.loads(answer) for answer in answers]


def request(method: str, params: dict[str, Any] | None = None, request_id: int | str = 1) -> str:
    return json.dumps({"jsonrpc": "2.0", "id": request_id, "method": method, "params": params or {}})


def check_error(answer: dict[str, Any], code: int, request_id: int | None = 1) -> None:
    """Check that an answer is an error with a code, and no refusal."""
    assert set(answer) == {"jsonrpc", "id", "error"}
    assert answer["id"] == request_id
    assert set(answer["error"]) == {"code", "message", "data"}
    assert answer["error"]["code"] == code
    assert answer["error"]["data"] == {}


def require_toolchain(language: str) -> None:
    """Skip, and in CI fail, where a language cannot be run."""
    spoken, programs = TOOLCHAINS[language]
    if all(shutil.which(program) for program in programs):
        return
    missing = f"the {spoken} toolchain is not installed: the {spoken} skeleton was not run"
    if os.environ.get("CI") == "true":
        pytest.fail(missing)
    pytest.skip(missing)


def build(language: str, folder: Path) -> Skeleton:
    """Run the build command of `adapter.toml`; try again when a registry does not answer."""
    described = implementation.read(folder)
    assert described.name == NAME
    for _ in range(BUILD_TRIES):
        try:
            implementation.build(described)
        except implementation.UnusableImplementation as error:
            reason = str(error)
            if not NO_ANSWER.search(reason):
                raise
            described = ask_registry_again(implementation.read(folder))
        else:
            return Skeleton(language, folder, described.run)
    spoken = TOOLCHAINS[language][0]
    pytest.skip(f"the registry did not answer after {BUILD_TRIES} tries: the {spoken} skeleton was not run: {reason}")


def ask_registry_again(described: implementation.Implementation) -> implementation.Implementation:
    """Let Maven forget that it has tried."""
    build = [[*command, "-U"] if command[0] == "mvn" else command for command in described.build]
    return described.model_copy(update={"build": build})


@pytest.fixture(scope="module", params=skeletons.LANGUAGES)
def skeleton(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Skeleton:
    require_toolchain(request.param)
    folder = tmp_path_factory.mktemp(request.param)
    skeletons.create(request.param, folder, NAME)
    return build(request.param, folder)


# Copying


def test_there_is_a_skeleton_of_each_language() -> None:
    folders = {folder.name for folder in skeletons.SKELETONS.iterdir() if folder.is_dir()} - {"__pycache__"}
    assert folders == set(skeletons.LANGUAGES) == set(TOOLCHAINS) == set(CRASHES)


@pytest.mark.parametrize("language", skeletons.LANGUAGES)
def test_the_files_are_copied_with_the_name(language: str, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "adapter"
    written = skeletons.create(language, folder, NAME)
    assert written == sorted(file for file in folder.rglob("*") if file.is_file())
    assert {folder / "adapter.toml", folder / "README.md", folder / CRASHES[language][0]} <= set(written)
    assert not any(skeletons.PLACEHOLDER in file.read_text("utf-8") for file in written)
    assert f"# Adapter of {NAME}\n" in (folder / "README.md").read_text("utf-8")


@pytest.mark.parametrize("language", skeletons.LANGUAGES)
def test_the_readme_is_short_and_names_both_commands(language: str) -> None:
    readme = (skeletons.SKELETONS / language / "README.md").read_text("utf-8")
    assert len(readme.splitlines()) <= 15
    assert "`cloister doctor .`" in readme
    assert "`cloister check .`" in readme


def test_what_python_compiled_is_not_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(skeletons, "SKELETONS", shutil.copytree(skeletons.SKELETONS, tmp_path / "skeletons"))
    compiled = tmp_path / "skeletons" / "python" / "__pycache__"
    compiled.mkdir(exist_ok=True)
    (compiled / "adapter.cpython-311.pyc").write_bytes(b"\xff")
    written = skeletons.create("python", tmp_path / "adapter", NAME)
    assert [file.name for file in written] == ["README.md", "adapter.py", "adapter.toml", "library.py"]


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    assert skeletons.create("python", tmp_path, NAME)


def test_a_folder_in_use_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "adapter.py").write_text("mine", "utf-8")
    with pytest.raises(skeletons.SkeletonError, match=r"is not empty; name a folder that is new or empty$"):
        skeletons.create("python", tmp_path, NAME)
    assert [file.read_text("utf-8") for file in tmp_path.iterdir()] == ["mine"]


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(skeletons.SkeletonError, match="is a file"):
        skeletons.create("python", tmp_path / "file", NAME)


@pytest.mark.parametrize("language", ["", "cobol", "Python", "__pycache__", "..", "python/"])
def test_an_unknown_language_is_refused(language: str, tmp_path: Path) -> None:
    with pytest.raises(skeletons.SkeletonError, match=r"there are go, java, javascript, python$"):
        skeletons.create(language, tmp_path / "new", NAME)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("name", ["", 'a "library"', "a\\library", "a\nlibrary", "a\x7f", "a\u2028library", "a */ b"])
def test_a_name_that_cannot_stand_between_quotes_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(skeletons.SkeletonError, match="cannot be the name"):
        skeletons.create("python", tmp_path / "new", name)
    assert not (tmp_path / "new").exists()


# Talking


def test_hello_tells_who_it_is(skeleton: Skeleton) -> None:
    (answer,) = skeleton.talk(request("hello"))
    assert answer == {
        "jsonrpc": "2.0",
        "id": 1,
        "result": {
            "name": NAME,
            "version": "0",
            "language": TOOLCHAINS[skeleton.language][0],
            "spec": protocol.SPEC_VERSION,
            "capabilities": ["proof-of-work-target"],
        },
    }


def test_reset_answers_an_empty_result(skeleton: Skeleton) -> None:
    assert skeleton.talk(request("reset")) == [{"jsonrpc": "2.0", "id": 1, "result": {}}]


def test_params_may_be_left_out_where_a_method_has_none(skeleton: Skeleton) -> None:
    assert skeleton.talk('{"jsonrpc":"2.0","id":1,"method":"reset"}') == [{"jsonrpc": "2.0", "id": 1, "result": {}}]


def draw_target_params(source: random.Random) -> dict[str, int]:
    """Draw params of all sizes, about half of them refused."""
    return {
        "payload_length": source.choice([0, source.randrange(110_000), source.randrange(2 ** source.randrange(1, 70))]),
        "ttl_ms": source.choice(
            [-1, 0, source.randrange(1_209_600_001), source.randrange(2 ** source.randrange(1, 70))]
        ),
        "difficulty": source.choice([-1, 0, 1, 10, source.randrange(2 ** source.randrange(1, 90))]),
    }


# Products of exactly 2^64 and 2^64 - 1: ttl times length, then difficulty times the rest.
EDGES = [
    {"payload_length": 2**32 - 8, "ttl_ms": 2**32 * 1000, "difficulty": 1},
    {"payload_length": 2**32 - 1 - 8, "ttl_ms": (2**32 + 1) * 1000, "difficulty": 1},
    {"payload_length": 0, "ttl_ms": 0, "difficulty": 2**61},
    {"payload_length": 15 - 8, "ttl_ms": 0, "difficulty": (2**64 - 1) // 15},
]


def draw_edges(source: random.Random) -> list[dict[str, int]]:
    """Draw lengths and times, each with the greatest difficulty that has a target, and the next one."""
    edges = []
    for _ in range(30):
        length, seconds = source.randrange(10_000), source.randrange(10_000)
        greatest = (2**64 - 1) // (length + 8 + seconds * (length + 8) // 65535)
        params = {"payload_length": length, "ttl_ms": seconds * 1000 + 999}
        edges += [{**params, "difficulty": greatest}, {**params, "difficulty": greatest + 1}]
    return edges


def expect_target(params: dict[str, int]) -> dict[str, Any]:
    """Compute the `result`, or the `data` of the refusal, with the reference."""
    try:
        return {"target": f"{proof_of_work.derive_target(**params):016x}"}
    except errors.OutOfRange:
        return {"error": "OutOfRange"}


def test_the_target_is_that_of_the_reference(skeleton: Skeleton) -> None:
    source = random.Random(6)
    inputs = [*EDGES, *draw_edges(source), *(draw_target_params(source) for _ in range(200))]
    expected = [expect_target(params) for params in inputs]
    assert sum("error" in answer for answer in expected) > 50
    assert sum("target" in answer for answer in expected) > 50

    answers = skeleton.talk(*(request("proof_of_work.target", params, number) for number, params in enumerate(inputs)))

    assert [answer["id"] for answer in answers] == list(range(len(inputs)))
    for params, answer, wanted in zip(inputs, answers, expected, strict=True):
        if "error" in wanted:
            assert answer["error"]["code"] == protocol.REFUSED, params
        assert answer.get("result", answer.get("error", {}).get("data")) == wanted, params


def test_an_unknown_method_is_not_found(skeleton: Skeleton) -> None:
    methods = ["no_such_method", "", "hello ", "__init__", "constructor", "toString", "proof_of_work"]
    for answer in skeleton.talk(*(request(method) for method in methods)):
        check_error(answer, protocol.METHOD_NOT_FOUND)


def test_a_line_that_is_no_request_is_an_error_without_id(skeleton: Skeleton) -> None:
    rubbish: list[str | bytes] = [
        "rubbish", "", "[]", "{", '"text"', "{}", "null", "1", '{"jsonrpc":"2.0"}', "\ufffd\0", "[[[[[[", "[" * 100_000,
        '{"jsonrpc":"2.0","id":1}', '{"jsonrpc":"2.0","method":"hello"}', request("hello") + "}", b"\xff\xfe",
        "{id:1,method:hello}", request("hello").replace('"', "'"), request("hello").replace("}}", "},}"),
    ]  # fmt: skip
    *answers, last = skeleton.talk(*rubbish, request("reset"))
    for answer in answers:
        check_error(answer, protocol.PARSE_ERROR, request_id=None)
    assert last["result"] == {}


@pytest.mark.parametrize("padding", ["x", "\n", '"', "7", "é"])
def test_a_long_line_is_read(skeleton: Skeleton, padding: str) -> None:
    room = MIN_LINE_BYTES - len(request("no_such_method", {"padding": ""}))
    line = request("no_such_method", {"padding": padding * (room // len(json.dumps(padding)[1:-1]))})
    first, second = skeleton.talk(line + " " * (MIN_LINE_BYTES - len(line)), request("reset"))
    check_error(first, protocol.METHOD_NOT_FOUND)
    assert second["result"] == {}


def test_missing_params_are_an_error(skeleton: Skeleton) -> None:
    params = {"payload_length": 100, "ttl_ms": 10_000, "difficulty": 1}
    lacking = [{name: params[name] for name in params if name != missing} for missing in params]
    *answers, last = skeleton.talk(*(request("proof_of_work.target", some) for some in [*lacking, {}, params]))
    for answer in answers:
        check_error(answer, protocol.INVALID_PARAMS)
    assert "target" in last["result"]


def test_params_that_are_no_object_are_an_error(skeleton: Skeleton) -> None:
    line = '{"jsonrpc":"2.0","id":1,"method":"proof_of_work.target","params":%s}'
    for answer in skeleton.talk(*(line % params for params in ["[]", "[1,2,3]", '"text"', "1", "null"])):
        check_error(answer, protocol.INVALID_PARAMS)


def test_a_param_of_another_type_is_an_error_and_no_refusal(skeleton: Skeleton) -> None:
    line = '{"jsonrpc":"2.0","id":1,"method":"proof_of_work.target","params":{"payload_length":1,"ttl_ms":1,"difficulty":%s}}'
    for answer in skeleton.talk(*(line % value for value in ["null", '"many"', "1.5", "[]", "{}"])):
        assert answer["id"] == 1
        assert answer["error"]["code"] in (protocol.INVALID_PARAMS, INTERNAL_ERROR)


def test_the_answer_carries_the_id(skeleton: Skeleton) -> None:
    ids: list[int | str] = [0, 1, 2**31, 2**53 - 1, "text", 'é"\\\u2028\u0085\r\n']
    escaped = [request("reset", request_id=request_id) for request_id in ids]
    plain = [json.dumps(json.loads(line), ensure_ascii=False) for line in escaped]
    assert [answer["id"] for answer in skeleton.talk(*escaped, *plain)] == ids + ids


def test_requests_may_be_in_flight_together(skeleton: Skeleton) -> None:
    answers = skeleton.talk(*(request("hello", request_id=number) for number in range(IN_FLIGHT)))
    assert sorted(answer["id"] for answer in answers) == list(range(IN_FLIGHT))


def test_each_answer_is_sent_at_once(skeleton: Skeleton) -> None:
    with skeleton.start() as child:
        assert child.stdin
        assert child.stdout
        try:
            for number in range(3):
                child.stdin.write(request("reset", request_id=number).encode() + b"\n")
                child.stdin.flush()
                assert select.select([child.stdout], [], [], ANSWER_SECONDS)[0], "no answer while the input is open"
                assert json.loads(child.stdout.readline())["id"] == number
            child.stdin.close()
            assert child.wait(ANSWER_SECONDS) == 0
        finally:
            child.kill()


def test_the_end_of_the_input_ends_it_with_status_0(skeleton: Skeleton) -> None:
    assert skeleton.talk() == []


@pytest.mark.parametrize("language", skeletons.LANGUAGES)
def test_an_exception_that_nobody_foresaw_is_no_refusal(language: str, tmp_path: Path) -> None:
    require_toolchain(language)
    skeletons.create(language, tmp_path, NAME)
    file, table, crash = CRASHES[language]
    source = (tmp_path / file).read_text("utf-8")
    assert source.count(table) == 1
    (tmp_path / file).write_text(source.replace(table, f"{table}\n{crash}"), "utf-8")

    first, second = build(language, tmp_path).talk(request("crash"), request("reset"))

    check_error(first, INTERNAL_ERROR)
    assert second["result"] == {}


# The adapters of third-party libraries

ADAPTERS = data.CHECKOUT / "conformance" / "adapters"
# A file that only adapters of that language have, and the loop.
LOOPS = {
    "go": ("go.mod", "main.go"),
    "java": ("pom.xml", "src/main/java/Adapter.java"),
    "javascript": ("package.json", "adapter.mjs"),
    "python": ("requirements.txt", "adapter.py"),
}


@pytest.mark.parametrize("language", skeletons.LANGUAGES)
def test_the_adapters_of_a_language_carry_the_loop_of_its_skeleton(language: str) -> None:
    mark, loop = LOOPS[language]
    adapters = [file.parent for file in ADAPTERS.glob(f"*/{mark}")]
    assert adapters
    wanted = (skeletons.SKELETONS / language / loop).read_bytes()
    assert [folder for folder in adapters if (folder / loop).read_bytes() != wanted] == []
