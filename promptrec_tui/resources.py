"""Files that ship beside the package: in a wheel inside it, in a checkout next to it."""

from pathlib import Path

PACKAGE = Path(__file__).parent


def resource(name: str) -> Path:
    """The folder `name` ("migrations" or "sample_data")."""
    inside = PACKAGE / f"_{name}"
    return inside if inside.is_dir() else PACKAGE.parent / name
