"""Where the specification and the vectors are: inside the installed package, or in the checkout around it."""

from pathlib import Path

PACKAGE = Path(__file__).parent
CHECKOUT = PACKAGE.parent.parent


def find_folder(name: str) -> Path:
    """Find the folder `spec` or `vectors`."""
    packaged = PACKAGE / "data" / name
    return packaged if packaged.is_dir() else CHECKOUT / name
