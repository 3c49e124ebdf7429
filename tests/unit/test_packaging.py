"""What is shipped: the wheel, the lock, and the agents' prose with its placeholders."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
LOCK = ROOT / "requirements.lock"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder)]
    done = subprocess.run([*build, str(ROOT)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    [file] = folder.iterdir()
    return zipfile.ZipFile(file)


def test_the_wheel_holds_three_packages_and_nothing_beside(wheel: zipfile.ZipFile) -> None:
    tops = {name.split("/")[0] for name in wheel.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"crew", "memory", "triggers"}
    assert not [name for name in wheel.namelist() if "test" in Path(name).parts[0]]


def test_the_wheel_holds_every_file_of_the_rooms(wheel: zipfile.ZipFile) -> None:
    wanted = {f"crew/config/{file.name}" for file in (ROOT / "config").iterdir()}
    wanted.add("crew/drafting/vocabulary.yml")
    for room in ("crew", "memory", "triggers"):
        files = (f for f in (ROOT / room).rglob("*") if f.is_file())
        wanted |= {str(f.relative_to(ROOT)) for f in files if "__pycache__" not in f.parts}
    assert wanted - set(wheel.namelist()) == set()


def test_the_wheel_brings_the_program(wheel: zipfile.ZipFile) -> None:
    [entries] = [n for n in wheel.namelist() if n.endswith("entry_points.txt")]
    assert "firstmile = crew.cli:main" in wheel.read(entries).decode()


def test_it_cannot_be_published_by_accident() -> None:
    assert "Private :: Do Not Upload" in PROJECT["project"]["classifiers"]


def test_the_lock_names_no_address_and_pins_everything_with_hashes() -> None:
    text = LOCK.read_text("utf-8")
    assert "://" not in text
    lines = text.replace("\\\n", " ").splitlines()
    entries = [line for line in lines if line.strip() and not line.lstrip().startswith("#")]
    assert len(entries) > 100
    loose = [e for e in entries if not re.match(r"^[\w.\[\]-]+==[\w.!+]+ .*--hash=sha256:", e)]
    assert loose == []


def test_the_lock_holds_what_the_project_asks_for() -> None:
    asked = [*PROJECT["project"]["dependencies"], *PROJECT["dependency-groups"]["dev"]]
    locked = {normal(line) for line in LOCK.read_text("utf-8").splitlines() if "==" in line}
    names = {normal(requirement) for requirement in asked}
    assert names - locked == set()


def normal(requirement: str) -> str:
    """The package's name as registries compare it, https://peps.python.org/pep-0503/."""
    return re.sub(r"[-_.]+", "-", re.split(r"[^\w.-]", requirement)[0]).lower()


# --- the agents' prose -----------------------------------------------------------------------


def filled_texts() -> dict[str, set[str]]:
    """Task name → names of the texts that design_crew.py fills in, read from its source."""
    tree = ast.parse((ROOT / "crew/agents/design_crew.py").read_text("utf-8"))
    [crew] = [n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == "DesignCrew"]
    methods = {n.name: n for n in crew.body if isinstance(n, ast.FunctionDef)}
    always = {"finding"}  # crew/agents/task_runner.py
    filled = {}
    for method in methods.values():
        for call in ast.walk(method):
            if (
                isinstance(call, ast.Call)
                and isinstance(call.func, ast.Attribute)
                and call.func.attr == "run"
                and isinstance(call.args[0], ast.Constant)
            ):
                filled[str(call.args[0].value)] = keys_assigned_to_texts(method) | always
    return filled


def keys_assigned_to_texts(method: ast.FunctionDef) -> set[str]:
    return {
        str(key.value)
        for node in ast.walk(method)
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and node.targets[0].id == "texts"
        and isinstance(node.value, ast.Dict)
        for key in node.value.keys
        if isinstance(key, ast.Constant)
    }


def prose(name: str) -> dict[str, dict[str, str]]:
    content: dict[str, dict[str, str]] = yaml.safe_load((ROOT / "config" / name).read_text("utf-8"))
    return content


def placeholders(text: str) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", text))


def test_every_task_of_the_prose_is_run_and_every_task_run_has_prose() -> None:
    assert set(filled_texts()) == set(prose("tasks.yaml"))


@pytest.mark.parametrize("task", prose("tasks.yaml"))
def test_every_placeholder_is_filled_in(task: str) -> None:
    config = prose("tasks.yaml")[task]
    assert placeholders(config["description"]) - filled_texts()[task] == set()
    assert placeholders(config["expected_output"]) == set() == placeholders(config["rules"])


@pytest.mark.parametrize("task", prose("tasks.yaml"))
def test_nothing_that_is_filled_in_is_left_out_of_the_prose(task: str) -> None:
    named = placeholders(prose("tasks.yaml")[task]["description"])
    optional = {"finding"} if task == "decide" else set()
    assert filled_texts()[task] - named - optional == set()


def test_every_task_has_an_agent_and_every_agent_its_prose() -> None:
    agents = prose("agents.yaml")
    assert {task["agent"] for task in prose("tasks.yaml").values()} == set(agents)
    for agent in agents.values():
        assert set(agent) == {"role", "goal", "backstory"}
        assert placeholders("".join(agent.values())) == set()
