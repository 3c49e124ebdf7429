"""Lists in the README are those of the code."""

from __future__ import annotations

import re
from pathlib import Path

from crew.cli import app
from crew.result import EXIT_CODES
from crew.settings import Settings

README = (Path(__file__).parents[2] / "README.md").read_text("utf-8")


def test_every_command_is_in_the_readme() -> None:
    listed = set(re.findall(r"\| `firstmile (\w+)", README))
    commands = {c.callback.__name__ for c in app.registered_commands if c.callback}
    assert listed == commands | {group.name for group in app.registered_groups}


def test_every_setting_is_in_the_readme() -> None:
    table = README[README.index("## Settings") : README.index("## Connecting")]
    assert set(re.findall(r"^\| `(\w+)` \|", table, re.M)) == set(Settings.model_fields)


def test_every_exit_code_is_in_the_readme() -> None:
    listed = {name: int(code) for code, name in re.findall(r"^\| (\d) \| `(\w+)`", README, re.M)}
    assert listed == EXIT_CODES
