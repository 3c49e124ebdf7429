"""What one request may use; reaching a limit ends it with what was found so far."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict, Field

from crew.artifacts import Cost
from crew.errors import BudgetExhausted


class BudgetSettings(BaseModel):
    """Limits of one request."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    steps: int = Field(24, ge=1, description="planner steps, repairs included")
    seconds: float = Field(900.0, gt=0, description="wall-clock seconds")
    tokens: int = Field(200_000, ge=0, description="prompt and completion tokens together")
    usd: float = Field(2.0, ge=0, description="money, by the settings' prices")


@dataclass
class Budget:
    """Counts one request against its limits."""

    limits: BudgetSettings
    steps: int = 0
    started: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started

    def spend_step(self, cost: Cost) -> None:
        """Count a step that is about to begin. Raises BudgetExhausted."""
        self.steps += 1
        used = {
            "steps": (self.steps, self.limits.steps),
            "seconds": (self.seconds, self.limits.seconds),
            "tokens": (cost.prompt_tokens + cost.completion_tokens, self.limits.tokens),
            "usd": (cost.usd, self.limits.usd),
        }
        for name, (value, limit) in used.items():
            if value > limit:
                raise BudgetExhausted(
                    f"The budget of {limit:g} {name} is used up.",
                    f"Raise `budget.{name}` in firstmile.yml, or make the request smaller.",
                )
