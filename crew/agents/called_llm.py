"""A chain of language models behind one CrewAI LLM: the next is asked where one does not answer.

Each call is allowed by the ledger before it is made, retried where the server is busy, kept in the
recording, and ends in a value of the form that was asked for or in an error that says what is wrong.
"""

from __future__ import annotations

import contextvars
import json
import threading
import time
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, TypeVar

from crewai import BaseLLM
from crewai.events.types.llm_events import LLMCallType
from crewai.llms.base_llm import llm_call_context
from crewai.llms.retry import _active_llm_rate_limit_retry
from pydantic import BaseModel, PrivateAttr, ValidationError

from crew.agents.failed_calls import (
    NoAnswer,
    WrongForm,
    first_line,
    may_be_paid,
    pause_before_retry,
    problems,
    refused_option,
    told_tokens,
    wrong_form,
)
from crew.agents.ledger import Ledger, estimated_tokens
from crew.artifacts import Cost
from crew.errors import BudgetExhausted, FirstmileError, NotRecorded
from crew.language_models import LanguageModel
from crew.records.recording import Message, RecordedCall, digest

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])

_LONGEST_ANSWER = 12
"""Characters per token that an answer may have before it is not even read."""


def _retried_here(function: F) -> F:
    """Keeps CrewAI from wrapping retries of its own around a call: they heed no Retry-After."""
    function._crewai_rate_limit_wrapped = True  # type: ignore[attr-defined]
    return function


class Link:
    """One language model of a chain: how it is called, and CrewAI's client for it."""

    def __init__(self, model: LanguageModel, make: Callable[[LanguageModel], BaseLLM]) -> None:
        self.model, self._make = model, make

    @cached_property
    def llm(self) -> BaseLLM:
        """Made when it is first asked: a replayed run needs neither key nor package."""
        return self._make(self.model)

    def without(self, option: str) -> bool:
        """Call the model without an option from now on; whether it had it."""
        if getattr(self.model, option) is None:
            return False
        self.model = self.model.model_copy(update={option: None})
        del self.llm
        return True


class CalledLLM(BaseLLM):
    """The LLM of one agent: its chain of models, and the ledger of the request."""

    _links: tuple[Link, ...] = PrivateAttr(default=())
    _ledger: Ledger = PrivateAttr()
    _answered_by: str = PrivateAttr(default="")
    _sleep: Callable[[float], None] = PrivateAttr(default=time.sleep)

    @classmethod
    def over(
        cls, links: Sequence[Link], ledger: Ledger, sleep: Callable[[float], None] = time.sleep
    ) -> CalledLLM:
        """The LLM over these links, in their order."""
        first = links[0].model.name
        llm = cls(model=first, provider=first.partition("/")[0])
        llm._links, llm._ledger, llm._sleep = tuple(links), ledger, sleep
        return llm

    @property
    def chain(self) -> str:
        """The names of its models, as the settings take them."""
        return ", ".join(link.model.name for link in self._links)

    @property
    def answered_by(self) -> str:
        """The model that gave the last answer."""
        return self._answered_by or self.model

    @_retried_here
    def call(
        self,
        messages: Any,
        tools: list[dict[str, Any]] | None = None,
        callbacks: list[Any] | None = None,
        available_functions: dict[str, Any] | None = None,
        from_task: Any = None,
        from_agent: Any = None,
        response_model: type[BaseModel] | None = None,
    ) -> str:
        """The answer as JSON of `response_model`. Raises NoAnswer, WrongForm and what the ledger does."""
        prompt = _prompt(messages)
        asked = RecordedCall(
            agent=self._ledger.agent,
            task=self._ledger.task,
            schema_digest=digest(response_model.model_json_schema()) if response_model else "",
            prompt=prompt,
        )
        known = self._recorded(asked)
        if known is not None:
            text = self._again(known, prompt, from_task, from_agent)
        else:
            text = self._ask(asked, from_task, from_agent, response_model)
        return _of_form(text, response_model) if response_model else text

    async def acall(self, *args: Any, **kwargs: Any) -> str:
        return self.call(*args, **kwargs)

    def supports_function_calling(self) -> bool:
        return False

    def get_context_window_size(self) -> int:
        """CrewAI summarises prompts that come near it, in further calls; ours are bounded."""
        return 1_000_000

    def get_input_tokens_count(self, *args: Any, **kwargs: Any) -> int:
        """The ledger counts."""
        return 0

    # --- recorded ------------------------------------------------------------------------------

    def _recorded(self, asked: RecordedCall) -> RecordedCall | None:
        try:
            return self._ledger.recording.find(asked)
        except NotRecorded as error:
            self._ledger.stop = error
            raise

    def _again(
        self, known: RecordedCall, prompt: tuple[Message, ...], task: Any, agent: Any
    ) -> str:
        """The recorded answer, announced like one that is given."""
        if self._ledger.recording.strict:
            self._ledger.count(known.model, known.cost, _ended(known))
        if known.over_budget:
            self._ledger.stop = BudgetExhausted(known.over_budget)
            raise self._ledger.stop
        if known.wrong:
            raise WrongForm(known.wrong)
        if known.answer is None:
            raise NoAnswer(known.error)
        self._answered_by = known.model
        announce(self, known.answer, [m.model_dump() for m in prompt], known.cost, task, agent)
        return known.answer

    # --- asked ---------------------------------------------------------------------------------

    def _ask(self, asked: RecordedCall, task: Any, agent: Any, form: type[BaseModel] | None) -> str:
        """The first answer along the chain, recorded; or the failure of all, recorded."""
        failures, before = [], self._ledger.cost
        for link in self._links:
            try:
                text = self._ask_link(link, asked.prompt, task, agent, form)
                text = self._ledger.recording.as_kept(text)
            except WrongForm as error:
                failed = asked.model_copy(update={"model": link.model.name, "wrong": error.told})
                self._keep(failed, before)
                raise
            except BudgetExhausted as error:
                self._keep(asked.model_copy(update={"over_budget": str(error)}), before)
                raise
            except FirstmileError:
                raise
            except Exception as error:  # each provider's client raises its own kinds
                failures.append(f"{link.model.name}: {first_line(error)}")
            else:
                self._answered_by = link.model.name
                answered = asked.model_copy(update={"model": link.model.name, "answer": text})
                self._keep(answered, before)
                return text
        told = "; ".join(failures)
        self._keep(asked.model_copy(update={"model": self.model, "error": told}), before)
        raise NoAnswer(told)

    def _keep(self, call: RecordedCall, before: Cost) -> None:
        self._ledger.recording.keep(call.model_copy(update={"cost": self._ledger.cost - before}))

    def _ask_link(
        self,
        link: Link,
        prompt: tuple[Message, ...],
        task: Any,
        agent: Any,
        form: type[BaseModel] | None,
    ) -> str:
        """One model's answer; again after a pause where its server is busy or was lost."""
        attempt = 0
        while True:
            try:
                return self._ask_once(link, prompt, task, agent, form)
            except (FirstmileError, WrongForm):
                raise
            except Exception as error:
                option = refused_option(error)
                if option and link.without(option):
                    continue
                pause = pause_before_retry(error, attempt)
                if attempt >= link.model.retries or pause is None:
                    raise
                if pause >= self._ledger.seconds_left:
                    raise
                attempt += 1
                self._sleep(pause)

    def _ask_once(
        self,
        link: Link,
        prompt: tuple[Message, ...],
        task: Any,
        agent: Any,
        form: type[BaseModel] | None,
    ) -> str:
        ledger, llm = self._ledger, link.llm
        most = estimated_tokens("".join([*(m.content for m in prompt), _schema(form)]))
        seconds = ledger.allow(link.model, most, requests=2 if form else 1)
        messages: Any = [m.model_dump() for m in prompt]
        before, began = llm.get_token_usage_summary(), time.monotonic()
        ended, text, is_paid, told = "answered", "", True, (0, 0)
        try:
            answer = _within(
                seconds,
                lambda: llm.call(messages, from_task=task, from_agent=agent, response_model=form),
            )
            text = _text(answer, link.model)
            return text
        except Exception as error:
            ended, is_paid, told = first_line(error), may_be_paid(error), told_tokens(error)
            if wrong := wrong_form(error, link.model):
                raise WrongForm(wrong) from error
            raise
        finally:
            spent = llm.get_token_usage_summary().delta_since(before)
            sent, received = spent.prompt_tokens or told[0], spent.completion_tokens or told[1]
            if not sent and is_paid:  # nothing was told: what it may be at most
                sent = most
                received = estimated_tokens(text) if text else link.model.answer_tokens
            cost = ledger.priced(
                link.model.name,
                sent,
                min(spent.cached_prompt_tokens, sent),
                received,
                time.monotonic() - began,
                max(1, spent.successful_requests),
            )
            ledger.count(link.model.name, cost, ended)


def announce(
    llm: BaseLLM, text: str, messages: Any, cost: Cost, task: Any = None, agent: Any = None
) -> None:
    """CrewAI's events and counts for an answer that no provider's client gave."""
    usage = {
        "prompt_tokens": cost.prompt_tokens,
        "completion_tokens": cost.completion_tokens,
        "total_tokens": cost.prompt_tokens + cost.completion_tokens,
    }
    with llm_call_context():
        llm._emit_call_started_event(messages, None, None, None, task, agent)
        llm._track_token_usage_internal(usage)
        llm._emit_call_completed_event(text, LLMCallType.LLM_CALL, task, agent, messages, usage)


def _schema(form: type[BaseModel] | None) -> str:
    """What a provider is sent beside the prompt."""
    return json.dumps(form.model_json_schema()) if form else ""


def _ended(known: RecordedCall) -> str:
    return known.error or known.wrong or known.over_budget or "recorded"


def _prompt(messages: Any) -> tuple[Message, ...]:
    if isinstance(messages, str):
        return (Message(role="user", content=messages),)
    return tuple(Message(role=m["role"], content=str(m["content"])) for m in messages)


def _text(answer: Any, model: LanguageModel) -> str:
    """An answer as text. Raises WrongForm for calls of tools, and for what is far too long."""
    if isinstance(answer, BaseModel):
        return answer.model_dump_json()
    if not isinstance(answer, str):
        raise WrongForm("There are no tools to call; answer with the JSON object alone.")
    if len(answer) > model.answer_tokens * _LONGEST_ANSWER:
        raise WrongForm(f"The answer has {len(answer):,} characters; keep it short.")
    return answer.encode("utf-8", "replace").decode("utf-8")


def _of_form(text: str, form: type[BaseModel]) -> str:
    """The JSON object in an answer, read and written again. Raises WrongForm with what is wrong."""
    start, end = text.find("{"), text.rfind("}")
    try:
        return form.model_validate_json(
            text[start : end + 1] if 0 <= start < end else text
        ).model_dump_json()
    except ValidationError as error:
        raise WrongForm(f"The answer does not fit the schema: {problems(error)}") from None


def _within(seconds: float, function: Callable[[], T]) -> T:
    """The function's result, in at most so many seconds: clients count them anew with each byte."""
    result: list[T] = []
    failed: list[BaseException] = []
    context = contextvars.copy_context()
    context.run(_active_llm_rate_limit_retry.set, True)  # CrewAI's client must not retry either

    def run() -> None:
        try:
            result.append(context.run(function))
        except BaseException as error:  # it belongs to the caller
            failed.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if failed:
        raise failed[0]
    if not result:
        raise TimeoutError(f"no answer within {seconds:g} seconds")
    return result[0]
