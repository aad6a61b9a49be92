"""Known-bad implementations: the reference with one text edited, each named after the clause that it breaks.

A mutant is a table `[SK-12.a]` in a TOML file: `module`, `before` (which must occur exactly once), `after`, `why`.
It is applied from outside, by an import hook in the adapter's process; the reference knows nothing of it.
This module is imported before the reference, so it imports nothing of it.
"""

import importlib.util
import sys
import tomllib
from collections.abc import Sequence
from importlib.abc import MetaPathFinder, SourceLoader
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

from pydantic import BaseModel, ConfigDict, ValidationError

FOLDER = Path(__file__).parent


class UnusableMutant(Exception):
    """A file of mutants cannot be read, or an edit does not fit; the message says which."""


class Mutant(BaseModel):
    """One edit; `id` is the clause and a letter."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    module: str
    before: str
    after: str
    why: str

    @property
    def clause(self) -> str:
        """The clause that it breaks."""
        return self.id.partition(".")[0]


def read(folder: Path = FOLDER, stem: str | None = None) -> list[Mutant]:
    """Read the mutants in a folder, or those of one suite.

    Raises:
        UnusableMutant: there is no such folder or file, or a table is not of the form.
    """
    files = sorted(folder.glob("*.toml")) if stem is None else [folder / f"{stem.replace('-', '_')}.toml"]
    if not files or not all(file.is_file() for file in files):
        raise UnusableMutant(f"{folder} holds no mutants{f' for the suite {stem}' if stem else ''}")
    return [mutant for file in files for mutant in read_file(file)]


def read_file(file: Path) -> list[Mutant]:
    """Read one file of mutants."""
    try:
        tables = tomllib.loads(file.read_text("utf-8"))
        return [
            Mutant.model_validate({"id": f"{clause}.{letter}", **edit})
            for clause, edits in tables.items()
            for letter, edit in edits.items()
        ]
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UnusableMutant(f"{file} is not TOML: {error}") from None
    except (ValidationError, AttributeError, TypeError) as error:
        raise UnusableMutant(
            f"{file}: a mutant is a table [CLAUSE.letter] with module, before, after, why: {error}"
        ) from None


def find(mutants: list[Mutant], mutant_id: str) -> Mutant:
    """Find a mutant by its id."""
    for mutant in mutants:
        if mutant.id == mutant_id:
            return mutant
    raise UnusableMutant(f"there is no mutant {mutant_id}")


def edit_source(mutant: Mutant, source: str) -> str:
    """Apply an edit.

    Raises:
        UnusableMutant: the text before does not occur exactly once, or the edit changes nothing.
    """
    count = source.count(mutant.before)
    if count != 1:
        raise UnusableMutant(f"{mutant.id}: the text before occurs {count} times in {mutant.module}, not once")
    if mutant.before == mutant.after:
        raise UnusableMutant(f"{mutant.id} changes nothing")
    return source.replace(mutant.before, mutant.after)


def find_source(module: str) -> str:
    """Find the source of a module without importing it."""
    try:
        spec = importlib.util.find_spec(module)
        if spec is not None and spec.origin is not None:
            return Path(spec.origin).read_text("utf-8")
    except (ImportError, ValueError, OSError):
        pass
    raise UnusableMutant(f"there is no module {module} with a source")


class EditedLoader(SourceLoader):
    """Loads a module from its edited source; nothing is cached."""

    def __init__(self, origin: str, source: str) -> None:
        self.origin = origin
        self.source = source

    def get_filename(self, fullname: str) -> str:
        """Return the file that is shown in tracebacks."""
        return self.origin

    def get_data(self, path: str | bytes) -> bytes:
        """Return the edited source, and no cached bytecode."""
        if path != self.origin:
            raise OSError
        return self.source.encode("utf-8")


class EditedModule(MetaPathFinder):
    """An import hook for the one edited module."""

    def __init__(self, mutant: Mutant) -> None:
        self.mutant = mutant

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find the edited module, and no other."""
        if fullname != self.mutant.module:
            return None
        for finder in sys.meta_path:
            if finder is self:
                continue
            spec = finder.find_spec(fullname, path, target)
            if spec is not None and spec.origin is not None:
                source = edit_source(self.mutant, Path(spec.origin).read_text("utf-8"))
                spec.loader = EditedLoader(spec.origin, source)
                return spec
        return None


def install(mutant: Mutant) -> None:
    """Edit a module that is not imported yet."""
    if mutant.module in sys.modules:
        raise UnusableMutant(f"{mutant.module} is imported already, {mutant.id} comes too late")
    sys.meta_path.insert(0, EditedModule(mutant))
