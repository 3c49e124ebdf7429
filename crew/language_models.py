"""Which language models are asked, and what they cost: values of the settings, and the table of prices."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, field_validator

Routing = Literal["none", "auto", "always"]
"""`none`: no language model; `auto`: where rules leave something open or a check found something;
`always`: on every task."""

AGENTS = ("planner", "interpreter", "synthesizer", "tester", "documenter")
PRICES = "prices.yml"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Prices(_Frozen):
    """What a million tokens cost, in USD; `cached` those that the provider had in its cache."""

    prompt: float = Field(0.0, ge=0, description="USD per million tokens sent")
    cached: float | None = Field(None, ge=0, description="USD per million of them in the cache")
    completion: float = Field(0.0, ge=0, description="USD per million tokens received")

    def usd(self, prompt: int, cached: int, completion: int) -> float:
        """The price of so many tokens; `cached` are among those of the `prompt`."""
        again = self.prompt if self.cached is None else self.cached
        return (
            (prompt - cached) * self.prompt + cached * again + completion * self.completion
        ) / 1e6


class LanguageModel(_Frozen):
    """A language model and how it is called."""

    name: str = Field(description="provider/model as CrewAI names it")
    url: str = Field("", description="address of an OpenAI-compatible server, or of a proxy")
    key_env: str = Field(
        "",
        pattern=r"^([A-Za-z_][A-Za-z0-9_]*)?$",
        description="variable that holds its key; else the provider's own",
    )
    temperature: float | None = Field(0.0, ge=0, le=2, description="empty for the provider's own")
    seed: int | None = Field(None, description="sent where the provider takes one")
    timeout_seconds: float = Field(120.0, gt=0, le=3600, description="how long one call may take")
    retries: int = Field(2, ge=0, le=10, description="after a busy or failing server, each call")
    answer_tokens: int = Field(4000, ge=100, description="how long an answer may be")

    @field_validator("name")
    @classmethod
    def _provider(cls, name: str) -> str:
        if not all(name.partition("/")):
            raise ValueError(f"{name!r} is no provider/model, as openai/gpt-5.4-mini is")
        return name

    @field_validator("url")
    @classmethod
    def _address(cls, url: str) -> str:
        if url and not url.startswith(("http://", "https://")):
            raise ValueError("an address begins with http:// or https://")
        if "@" in url:
            raise ValueError("keep user and password out of it; name a variable in key_env")
        return url


def as_chain(given: Any) -> Any:
    """One model or several, by name or in full, as a tuple: "a/b, c/d", a mapping, a list, or JSON."""
    if isinstance(given, str) and given.lstrip().startswith(("[", "{")):
        given = json.loads(given)
    if isinstance(given, str):
        given = [part.strip() for part in given.split(",") if part.strip()]
    if isinstance(given, dict | LanguageModel):
        given = [given]
    if isinstance(given, list | tuple):
        return tuple({"name": m} if isinstance(m, str) else m for m in given)
    return given


@cache
def price_table(config: Path) -> dict[str, Prices]:
    """The prices that come with Firstmile, by provider/model."""
    rows = yaml.safe_load((config / PRICES).read_text("utf-8"))
    return {name: Prices.model_validate(row) for name, row in rows.items()}
