"""The table of chapter 01 and the classes are the same: name, family, facts."""

import ast
import inspect
import re
from pathlib import Path

import cloister
from cloister import errors

FAMILIES = (errors.Malformed, errors.Unauthentic, errors.Forbidden, errors.Stale)


def read_table(spec: Path) -> dict[str, tuple[str, set[str]]]:
    """Read the table of errors: name to family and facts."""
    text = (spec / "01-notation.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| `(\w+)` \| [^|]+ \| ([^|]+) \|$", text, re.MULTILINE)
    return {name: (family, set() if facts == "none" else set(facts.split(", "))) for name, family, facts in rows}


def find_leaves() -> dict[str, type[errors.CloisterError]]:
    """Find the classes that have no subclasses."""
    classes = [value for value in vars(errors).values() if inspect.isclass(value)]
    return {one.__name__: one for one in classes if issubclass(one, errors.CloisterError) and not one.__subclasses__()}


def facts_of(leaf: type[errors.CloisterError]) -> set[str]:
    """Return the facts that a leaf is made of."""
    return set(inspect.signature(leaf.__init__).parameters) - {"self", "args", "kwargs"}


def test_table_and_classes_have_the_same_names(spec: Path) -> None:
    assert len(read_table(spec)) >= 14
    assert read_table(spec).keys() == find_leaves().keys()


def test_table_and_classes_have_the_same_families(spec: Path) -> None:
    families = {name: family for name, (family, _) in read_table(spec).items()}
    assert families == {name: leaf.__bases__[0].__name__ for name, leaf in find_leaves().items()}


def test_table_and_classes_carry_the_same_facts(spec: Path) -> None:
    facts = {name: facts for name, (_, facts) in read_table(spec).items()}
    assert facts == {name: facts_of(leaf) for name, leaf in find_leaves().items()}


def test_facts_are_attributes_and_stand_in_the_message() -> None:
    for leaf in find_leaves().values():
        facts = {name: f"<{name}>" for name in facts_of(leaf)}
        error = leaf(**facts)
        assert {name: getattr(error, name) for name in facts} == facts
        shown = [name for name in facts if f"<{name}>" in str(error)]
        assert shown or not facts, leaf


def test_unauthentic_says_nothing() -> None:
    for leaf in errors.Unauthentic.__subclasses__():
        assert facts_of(leaf) == set()
        assert str(leaf()) == ""


def test_every_violation_is_of_one_family() -> None:
    for leaf in find_leaves().values():
        families = [family for family in FAMILIES if issubclass(leaf, family)]
        assert len(families) == (1 if issubclass(leaf, errors.ProtocolViolation) else 0)


def find_raised(source: str) -> set[str]:
    """Find the names of `errors` that a module raises."""
    raised = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Raise) and node.exc is not None:
            named = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
            if isinstance(named, ast.Attribute) and isinstance(named.value, ast.Name) and named.value.id == "errors":
                raised.add(named.attr)
    return raised


def test_only_leaves_are_raised_and_every_leaf_is() -> None:
    modules = Path(cloister.__file__).parent.rglob("*.py")
    raised = set().union(*(find_raised(path.read_text(encoding="utf-8")) for path in modules))
    assert raised == find_leaves().keys()
