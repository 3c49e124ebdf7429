"""The environment of the dbt worker: what it needs and none of our secrets."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from crew.errors import InvalidProject

_ENV_VAR = re.compile(r"""env_var\s*\(\s*['"]([A-Za-z_][A-Za-z0-9_]*)['"]""")
_NEVER = re.compile(r"^FIRSTMILE_|_API_KEY$|^DBT_SEND_|^(LD_|PYTHON)|^(PATH|HOME)$")
_OURS = re.compile(r"^(JIRA|NOTION|SLACK|GITHUB|GH|OPENAI|ANTHROPIC)_")
_SECRETS = re.compile(r"^AWS_(SECRET|SESSION)|^AZURE_|^GOOGLE_APPLICATION_CREDENTIALS$|_TOKEN$")
_KEPT = ("PATH", "LANG", "LC_ALL", "TZ", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
_READ = (".sql", ".yml", ".yaml", ".md", ".py")
_SKIPPED = {".git", "target", "logs", ".venv", "venv", "node_modules"}


def child_environment(home: Path, parent: Mapping[str, str], code: Path) -> dict[str, str]:
    """The variables the worker starts with; those the project names follow with `open`."""
    kept = {name: parent[name] for name in _KEPT if name in parent}
    return kept | {
        "HOME": str(home),
        "PYTHONPATH": str(code),
        "PYTHONUNBUFFERED": "1",
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "NO_COLOR": "1",
    }


def find_profiles(
    given: Path | None, project: Path, origin: Path, parent: Mapping[str, str]
) -> Path:
    """The folder that holds profiles.yml, looked for as dbt does.

    Raises InvalidProject that lists the places.
    """
    if given is not None and given.is_file():
        given = given.parent
    if given is not None:
        places = [given]
    else:
        configured = parent.get("DBT_PROFILES_DIR")
        home = Path(parent.get("HOME", "~")).expanduser()
        places = [Path(configured)] if configured else []
        places += [origin, project, home / ".dbt"]
    for place in places:
        if (place / "profiles.yml").is_file():
            return place.resolve()
    looked = ", ".join(dict.fromkeys(str(place / "profiles.yml") for place in places))
    raise InvalidProject(
        f"No profiles.yml was found; looked at {looked}.",
        "Give its folder with --profiles-dir or DBT_PROFILES_DIR, or put it beside the project.",
    )


def named_variables(
    profiles: Path, project: Path, parent: Mapping[str, str], allowed: Sequence[str]
) -> dict[str, str]:
    """The variables that the profile and the project ask for by `env_var('NAME')`.

    Secrets are given only to a profile that is not part of the (untrusted) project; our own
    keys and tokens to none that is, and API keys to nobody.
    """
    by_profile = _names([profiles / "profiles.yml"])
    by_project = _names(_files(project))
    outside = not profiles.is_relative_to(project.resolve())
    values: dict[str, str] = {}
    for name in by_profile | by_project | set(allowed):
        if name not in parent or _NEVER.search(name):
            continue
        ours, secret = _OURS.search(name), _SECRETS.search(name)
        trusted = name in allowed or (name in by_profile and (outside or not ours))
        if trusted or not (ours or secret):
            values[name] = parent[name]
    return values


def _names(files: Iterable[Path]) -> set[str]:
    names: set[str] = set()
    for file in files:
        text = file.read_text(errors="replace") if file.is_file() else ""
        if "env_var" in text:
            names.update(_ENV_VAR.findall(text))
    return names


def _files(project: Path) -> Iterable[Path]:
    for entry in sorted(project.iterdir()):
        if entry.is_dir() and entry.name not in _SKIPPED:
            yield from _files(entry)
        elif entry.suffix in _READ and entry.name != "profiles.yml":
            yield entry
