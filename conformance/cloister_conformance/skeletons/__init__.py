"""What `cloister adapter new` copies: for each language a small adapter that runs as it is."""

from pathlib import Path

LANGUAGES = ("go", "java", "javascript", "python")

SKELETONS = Path(__file__).parent
PLACEHOLDER = "{{name}}"
FORBIDDEN_IN_NAMES = ('"', "\\", "*/")
"""The name is written between quotes, in four languages and in TOML, and into comments."""


class SkeletonError(Exception):
    """A skeleton cannot be written; the message says what to do."""


def create(language: str, folder: Path, name: str) -> list[Path]:
    """Create the skeleton of an adapter in a folder that is new or empty, and return the files written, sorted.

    Raises:
        SkeletonError: there is no such language, the folder is in use, or the name cannot be written into them.
    """
    if language not in LANGUAGES:
        raise SkeletonError(f"there is no skeleton for {language}; there are {', '.join(LANGUAGES)}")
    if not name or not name.isprintable() or any(part in name for part in FORBIDDEN_IN_NAMES):
        raise SkeletonError(f"{name!r} cannot be the name; give printable text without quotes, backslashes and */")
    if folder.exists() and not folder.is_dir():
        raise SkeletonError(f"{folder} is a file; name a folder that is new or empty")
    if folder.exists() and any(folder.iterdir()):
        raise SkeletonError(f"{folder} is not empty; name a folder that is new or empty")

    skeleton = SKELETONS / language
    sources = [file for file in sorted(skeleton.rglob("*")) if file.is_file() and "__pycache__" not in file.parts]
    return [copy(source, folder / source.relative_to(skeleton), name) for source in sources]


def copy(source: Path, file: Path, name: str) -> Path:
    """Copy one file with the implementation's name in its place."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(source.read_text("utf-8").replace(PLACEHOLDER, name), "utf-8")
    return file
