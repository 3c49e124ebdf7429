"""The straightforward CrewAI program for the same job, to compare with: a manager and four agents in the
hierarchical process, all files of the project in the prompt, plain text between them.

It is written as CrewAI's guides write such a crew. `repair` is what its author would do next: the SQL that
does not parse goes back with the error, and the crew begins again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import sqlglot
from crewai import LLM, Agent, Crew, Process, Task
from sqlglot.errors import SqlglotError

MAX_ROUNDS = 3
ROLES = (
    "Requirements interpreter",
    "dbt model synthesizer",
    "Test generator",
    "Documentation generator",
)
_ASKS = (
    "Read the request and write down the requirements: metrics, dimensions, filters, grain, sources.",
    "Write the dbt model for the requirements: the path and the SQL in a ```sql fence.",
    "Write the schema YAML with the tests of the model, and singular tests where they are needed.",
    "Write the descriptions of the model and each column, and the text of the pull request.",
)


@dataclass(frozen=True)
class Made:
    """What the crew said, and in how many rounds."""

    text: str
    rounds: int


def project_text(folder: Path) -> str:
    """All SQL and YAML files of a dbt project, each under its path."""
    files = sorted(f for f in folder.rglob("*") if f.suffix in {".sql", ".yml", ".md"})
    return "\n\n".join(f"### {f.relative_to(folder)}\n{f.read_text('utf-8')}" for f in files)


def work(ticket: str, files: str, url: str) -> Made:
    """Work a ticket; again with the error while the SQL of the answer does not parse."""
    finding = ""
    for n in range(1, MAX_ROUNDS + 1):
        text = _round(ticket, files, url, finding)
        finding = _problem(text)
        if not finding:
            return Made(text, n)
    return Made(text, MAX_ROUNDS)


def _round(ticket: str, files: str, url: str, finding: str) -> str:
    llm = LLM(model="openai/gpt-4o-mini", base_url=url, api_key="sk-none", custom_openai=True,
              temperature=0)  # fmt: skip
    workers = [
        Agent(
            role=role,
            goal=f"Do the part of the {role.lower()} in building dbt models from requests.",
            backstory="You are an experienced analytics engineer.",
            llm=llm,
            allow_delegation=False,
        )
        for role in ROLES
    ]
    manager = Agent(
        role="Planner",
        goal="Turn the request into a dbt pull request with the help of your team.",
        backstory="You lead a team of analytics engineers.",
        llm=llm,
        allow_delegation=True,
    )
    again = f"\n\nYour last attempt failed:\n{finding}" if finding else ""
    tasks: list[Task] = []
    for ask in _ASKS:
        said = f"{ask}\n\nThe request:\n{ticket}\n\nThe dbt project:\n{files}{again}"
        tasks.append(Task(description=said, expected_output="The result, complete."))
    crew = Crew(
        agents=workers,
        tasks=tasks,
        process=Process.hierarchical,
        manager_agent=manager,
        verbose=False,
    )
    output = crew.kickoff()
    return "\n\n".join(str(o.raw) for o in output.tasks_output)


def _problem(text: str) -> str:
    """The parser's message about the first SQL block that does not parse."""
    for block in re.findall(r"```sql\n(.*?)```", text, re.S):
        plain = re.sub(r"\{#.*?#\}|\{%.*?%\}", "", re.sub(r"\{\{.*?\}\}", "x", block), flags=re.S)
        try:
            sqlglot.parse_one(plain, read="duckdb")
        except SqlglotError as error:
            return str(error)
    return ""
