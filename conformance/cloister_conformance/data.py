"""Where the specification, the vectors and the sequences of the model are: inside the installed package, or in the checkout around it."""

from pathlib import Path

PACKAGE = Path(__file__).parent
CHECKOUT = PACKAGE.parent.parent


def find_folder(name: str) -> Path:
    """Find the folder `spec`, `vectors` or `formal`; of the last the package holds the sequences only."""
    packaged = PACKAGE / "data" / name
    return packaged if packaged.is_dir() else CHECKOUT / name
