"""What language models are asked and cost in one request: counted, priced, and kept to the budget."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from crew.artifacts import Cost, ModelCall
from crew.budget import BudgetSettings
from crew.errors import BudgetExhausted, FirstmileError
from crew.language_models import LanguageModel, Prices
from crew.records.recording import Recording

_CHARACTERS_PER_TOKEN = 3
"""Fewer than any tokenizer makes of English, SQL and JSON, so that estimates err to the safe side."""

Tell = Callable[[ModelCall], None]


@dataclass
class Ledger:
    """Shared by the language models of one request. `tell` hears of each call and each skip; `stop` is
    what ends the request in the middle of a task. `step` is the planner's."""

    limits: BudgetSettings = field(default_factory=BudgetSettings)
    recording: Recording = field(default_factory=Recording)
    price: Callable[[str], Prices | None] = lambda name: None
    tell: Tell = lambda call: None
    step: str = ""
    agent: str = ""
    task: str = ""
    why: str = ""
    stop: FirstmileError | None = None
    cost: Cost = field(init=False)
    _began: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.cost = self.recording.spent

    def begin(self, agent: str, task: str, why: str) -> None:
        """The calls that follow are for this task."""
        self.agent, self.task, self.why, self.stop = agent, task, why, None

    def skip(self, agent: str, task: str, why: str) -> None:
        """No language model is asked for a task."""
        self.tell(ModelCall(step=self.step, agent=agent, task=task, why=why))

    def allow(self, model: LanguageModel, prompt: int, requests: int = 1) -> float:
        """Seconds that a call may take. Raises BudgetExhausted if a prompt of so many tokens and an
        answer as long as allowed could pass the budget. A client that asks for a form makes a second
        request by itself where the first answer has none."""
        prompt, answer = prompt * requests, model.answer_tokens * requests
        used = self.cost.prompt_tokens + self.cost.completion_tokens
        price = self.price(model.name)
        would = {
            "tokens": (used, prompt + answer, self.limits.tokens),
            "usd": (self.cost.usd, price.usd(prompt, 0, answer) if price else 0.0, self.limits.usd),
        }
        for name, (spent, more, limit) in would.items():
            if spent + more > limit:
                self._end(
                    f"A call of {model.name} for {self.task!r} could pass the budget of {limit:g} "
                    f"{name}: {spent:.6g} are spent, it may take {more:.6g}.",
                    f"Raise `budget.{name}` in firstmile.yml, or lower the model's answer_tokens.",
                )
        left = self.seconds_left
        if left <= 0:
            self._end(
                f"The budget of {self.limits.seconds:g} seconds is used up.",
                "Raise `budget.seconds` in firstmile.yml.",
            )
        return min(model.timeout_seconds, left)

    @property
    def seconds_left(self) -> float:
        return self.limits.seconds - (time.monotonic() - self._began)

    def count(self, model: str, cost: Cost, ended: str) -> None:
        """Count a call that was made."""
        self.cost = self.cost + cost
        self.tell(
            ModelCall(
                step=self.step,
                agent=self.agent,
                task=self.task,
                why=self.why,
                model=model,
                ended=ended,
                cost=cost,
            )
        )

    def priced(
        self, model: str, prompt: int, cached: int, completion: int, seconds: float, calls: int = 1
    ) -> Cost:
        """What so many tokens of a model cost."""
        price = self.price(model)
        return Cost(
            llm_calls=calls,
            prompt_tokens=prompt,
            cached_tokens=cached,
            completion_tokens=completion,
            usd=price.usd(prompt, cached, completion) if price else 0.0,
            unpriced_calls=0 if price else calls,
            seconds=round(seconds, 3),
        )

    def _end(self, message: str, cure: str) -> None:
        self.stop = BudgetExhausted(message, cure)
        raise self.stop


def estimated_tokens(text: str) -> int:
    """Tokens of a text, at most: tokenizers make up to one of each byte of what is not ASCII."""
    size, characters = len(text.encode("utf-8", "replace")), len(text)
    beyond = sum(1 for c in text if c > "\x7f") if size > characters else 0
    plain = characters - beyond
    return -(-plain // _CHARACTERS_PER_TOKEN) + size - plain
