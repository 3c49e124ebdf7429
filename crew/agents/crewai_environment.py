"""CrewAI's import, with its telemetry off and its files kept out of the user's home."""

from __future__ import annotations

import os
from pathlib import Path

SWITCHES = {
    "CREWAI_DISABLE_TELEMETRY": "true",
    "CREWAI_TRACING_ENABLED": "false",
    "CREWAI_TESTING": "true",
    "CREWAI_DISABLE_VERSION_CHECK": "true",
    "ANONYMIZED_TELEMETRY": "false",
}


def import_crewai(home: Path) -> None:
    """Import CrewAI with `home` as its home; does nothing the second time.

    It writes a key file below HOME when imported; that is led into a folder of ours, and the
    process gets its own HOME back afterwards.
    """
    home.mkdir(parents=True, exist_ok=True)
    for name, value in SWITCHES.items():
        os.environ.setdefault(name, value)
    os.environ.setdefault("CREWAI_STORAGE_DIR", str(home.resolve() / "storage"))
    before = os.environ.get("HOME")
    os.environ["HOME"] = str(home.resolve())
    try:
        import crewai  # noqa: F401
    finally:
        if before is None:
            del os.environ["HOME"]
        else:
            os.environ["HOME"] = before
