"""The file that a server is started with: JSON, read into a model."""

import json
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

Model = TypeVar("Model", bound=BaseModel)


class UnusableFile(Exception):
    """A file that a server is started with cannot be read; the message says why."""


def read(path: Path, model: type[Model], *, what: str) -> Model:
    """Read a file, which messages call `what`.

    Raises:
        UnusableFile: it cannot be read, or is not of the form.
    """
    try:
        return model.model_validate(json.loads(path.read_bytes()))
    except OSError as error:
        raise UnusableFile(f"cannot read {what} {path}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise UnusableFile(f"{what} {path} is not of the form: {explain(error)}") from None


def explain(error: Exception) -> str:
    """Say in one line what is wrong with a file, without what stands in it."""
    if not isinstance(error, ValidationError):
        return "it is not JSON"
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"{where}: {first['msg']}" if where else first["msg"]
