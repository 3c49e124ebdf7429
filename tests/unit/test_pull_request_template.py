"""The repository's own template: nothing of it is lost, our text stands where it asks."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from crew.delivery.pull_request_template import fit, read_template

TEXT = "<!-- firstmile abc123 -->\n\n## The request\n\nDATA-1\n\n## Evidence\n\n| a |\n| - |\n"
TEMPLATE = """\
<!-- Thanks for contributing!
Delete this. -->
# Data team

## What does this change?
<!-- one sentence -->

## Checklist
- [ ] I ran `dbt build`
- [x] No secrets
"""


def git(folder: Path, *arguments: str) -> str:
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
    command = ("git", *who, "-C", str(folder), *arguments)
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def committed(folder: Path, *paths: str) -> str:
    git(folder, "init", "-q", "-b", "main")
    for path in (*paths, "readme.txt"):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(f"template {path}\n")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "first")
    return git(folder, "rev-parse", "HEAD")


def test_the_summary_stands_below_the_heading_that_asks_for_it() -> None:
    found = fit(TEMPLATE, TEXT, "Add `a` for DATA-1.")
    assert found.startswith("<!-- firstmile abc123 -->\n\n# Data team\n")
    assert "## What does this change?\n\nAdd `a` for DATA-1.\n\n## Checklist" in found
    assert "- [ ] I ran `dbt build`\n- [x] No secrets" in found
    assert found.index("No secrets") < found.index("## The request") < found.index("## Evidence")
    assert "Thanks" not in found and "one sentence" not in found


@pytest.mark.parametrize("template", ["- [ ] tested\n", "## Type of change\n\n- [ ] fix\n"])
def test_without_such_a_heading_the_summary_comes_first(template: str) -> None:
    found = fit(template, TEXT, "Add `a`.")
    assert found.index("Add `a`.") < found.index("- [ ]") < found.index("## The request")


@pytest.mark.parametrize("template", ["", "\n \n", "<!-- only a hint -->\n", "<!-- never closed"])
def test_a_template_that_says_nothing_changes_nothing(template: str) -> None:
    assert fit(template, TEXT, "Add `a`.") == TEXT


def test_the_whole_stays_below_what_github_takes() -> None:
    long = TEXT + "\n## Notes\n\n" + "ö" * 28_000 + "\n\n## How to review\n\n1. Read.\n"
    found = fit(TEMPLATE + "x" * 5_000, long, "Add `a`.")
    assert len(found.encode()) <= 60_000
    assert "## Notes\n\n_Too long to be shown here._" in found
    assert "1. Read." in found and "x" * 5_000 in found
    assert len(fit("y" * 500_000, long, "Add `a`.").encode()) <= 60_000


def test_a_windows_template_keeps_its_lines() -> None:
    found = fit(TEMPLATE.replace("\n", "\r\n"), TEXT, "Add `a`.")
    assert "\r" not in found
    assert re.search(r"^- \[ \] I ran", found, re.M)


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        ((".github/PULL_REQUEST_TEMPLATE.md", "docs/pull_request_template.md"), ".github/"),
        (("docs/pull_request_template.md", "Pull_Request_Template.md"), "Pull_"),
        (("docs/pull_request_template.md",), "docs/"),
    ],
)
def test_the_template_is_read_from_its_usual_places(
    tmp_path: Path, paths: tuple[str, ...], expected: str
) -> None:
    commit = committed(tmp_path, *paths)
    (tmp_path / paths[0]).unlink()
    assert read_template(tmp_path, commit).startswith(f"template {expected}")


def test_no_template_is_no_text(tmp_path: Path) -> None:
    commit = committed(tmp_path, "models/pull_request_template.md")
    assert read_template(tmp_path, commit) == ""
    assert read_template(tmp_path, "0" * 40) == ""
