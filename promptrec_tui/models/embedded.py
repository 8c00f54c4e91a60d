"""The base model that comes with the package."""

from promptrec_tui.resources import resource

EMBEDDED = resource("sample_data") / "models" / "tiny"
