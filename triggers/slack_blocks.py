"""Messages and forms as Block Kit, https://docs.slack.dev/reference/block-kit.

Limits: 3,000 characters in a section, 75 on a button and 2,000 behind it, 50 blocks in a message.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from crew.artifacts import Question
from triggers import messages
from triggers.door import Message
from triggers.payload import mapping, text
from triggers.rich_text import clean, one_line
from triggers.slack_text import escaped, mrkdwn_pieces

OPTION, OTHER = "firstmile_option", "firstmile_other"
REQUEST_FORM, ANSWER_FORM = "firstmile_request", "firstmile_answer"
_SECTION = 2_900
_MESSAGE = 12_000
_BLOCKS = 50
_QUESTIONS = 12
_BUTTONS = 20
_VALUE = 2_000
_MORE = "More than this does not fit into a message. Answer in the thread, in any words."
Block = dict[str, Any]


def blocks_of(message: Message, ticket: str, note: str = "") -> list[Block]:
    """A message: its text, then each question with a button for each answer. `note` is mrkdwn."""
    blocks = [_context(note)] if note else []
    asked = message.questions[:_QUESTIONS]
    if (
        not message.text.endswith(messages.question(message.questions).text)
        or asked != message.questions
    ):
        blocks += _sections(message.text)
    for question in asked:
        blocks += _sections(messages.question((question,)).text, _MESSAGE // len(asked))
        blocks.append(_buttons(question, ticket))
    return blocks if len(blocks) <= _BLOCKS else [*blocks[: _BLOCKS - 1], _context(_MORE)]


def notification(message: Message) -> str:
    """What stands in notifications and where blocks cannot be shown."""
    return next(iter(mrkdwn_pieces(clean(message.text, 1_000), 1_500)), "Firstmile")


def carried(value: Any) -> dict[str, str]:
    """What stands behind a button or a form of ours, by name."""
    try:
        found = mapping(json.loads(text(value)))
    except (ValueError, RecursionError):
        return {}
    return {name: words for name, words in found.items() if isinstance(words, str)}


def request_form(channel: str, projects: Sequence[str], project: str) -> Block:
    """The form of a new request; `channel` is where it was asked for."""
    blocks = [
        _input("title", "Title", "Weekly churn by region", 150, optional=True),
        _input("what", "What do you need?", "Which number, split by what, for which time?", 3_000,
               lines=True),
        _input("why", "What is it for?", "The decision, report or meeting it serves", 1_000,
               lines=True, optional=True),
        _input("when", "Until when?", "Friday", 150, optional=True),
    ]  # fmt: skip
    if projects:
        options = [{"text": _plain(name, 75), "value": name} for name in projects[:100]]
        choice: Block = {"type": "static_select", "action_id": "value", "options": options}
        chosen = [o for o in options if o["value"] == project]
        choice |= {"initial_option": chosen[0]} if chosen else {}
        blocks.append(_labelled("project", "dbt project", choice))
    return _form(REQUEST_FORM, "Data request", {"channel": channel}, blocks)


def answer_form(ticket: str, question: Question) -> Block:
    """The form of an answer in one's own words."""
    asked = one_line(question.text, 1_000)
    blocks = [
        {"type": "section", "text": {"type": "mrkdwn", "text": escaped(asked), "verbatim": True}},
        _input("answer", "Your answer", "In any words", 3_000, lines=True),
    ]
    return _form(ANSWER_FORM, "Your answer", {"ticket": ticket, "question": question.id}, blocks)


def notice_form(said: str) -> Block:
    """A form that only says something, in mrkdwn; it takes the place of one that was sent."""
    words = {"type": "mrkdwn", "text": said[:_SECTION], "verbatim": False}
    return {
        "type": "modal",
        "title": _plain("Data request", 24),
        "close": _plain("Close", 24),
        "blocks": [{"type": "section", "text": words}],
    }


def form_values(view: dict[str, Any]) -> dict[str, str]:
    """What was filled in, by the names of the fields."""
    found = {}
    for name, block in mapping(mapping(view.get("state")).get("values")).items():
        value = mapping(mapping(block).get("value"))
        chosen = mapping(value.get("selected_option")).get("value")
        found[str(name)] = (text(value.get("value")) or text(chosen)).strip()
    return found


def _sections(markdown: str, limit: int = _MESSAGE) -> list[Block]:
    return [
        {"type": "section", "text": {"type": "mrkdwn", "text": piece, "verbatim": True}}
        for piece in mrkdwn_pieces(clean(markdown, limit), _SECTION)
    ]


def _buttons(question: Question, ticket: str) -> Block:
    """A button for each option; one whose answer is too long to stand behind it is left to words."""
    elements: list[Block] = []
    for number, option in enumerate(question.options[:_BUTTONS]):
        value = _value(ticket, question, option.label)
        if len(value) <= _VALUE:
            elements.append(_button(f"{OPTION}_{number}", option.label, value))
            if option.label == question.default:
                elements[-1]["style"] = "primary"
    elements.append(_button(OTHER, "Other answer…", _value(ticket, question, "")))
    return {"type": "actions", "elements": elements}


def shape_of(question: Question) -> str:
    """Tells a question from the same one with other options."""
    return hashlib.sha256(question.model_dump_json().encode()).hexdigest()[:12]


def _value(ticket: str, question: Question, answer: str) -> str:
    named = {"ticket": ticket, "question": question.id, "answer": answer}
    named["shape"] = shape_of(question)
    return json.dumps(named, ensure_ascii=False)


def _button(action: str, label: str, value: str) -> Block:
    return {"type": "button", "action_id": action, "text": _plain(label, 75), "value": value}


def _context(note: str) -> Block:
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": note}]}


def _form(name: str, title: str, carried: dict[str, str], blocks: list[Block]) -> Block:
    return {
        "type": "modal",
        "callback_id": name,
        "title": _plain(title, 24),
        "submit": _plain("Send", 24),
        "close": _plain("Cancel", 24),
        "private_metadata": json.dumps(carried),
        "blocks": blocks,
    }


def _input(
    name: str, label: str, hint: str, limit: int, lines: bool = False, optional: bool = False,
) -> Block:  # fmt: skip
    element: Block = {
        "type": "plain_text_input",
        "action_id": "value",
        "multiline": lines,
        "max_length": limit,
        "placeholder": _plain(hint, 150),
    }
    return {**_labelled(name, label, element), "optional": optional}


def _labelled(name: str, label: str, element: Block) -> Block:
    return {"type": "input", "block_id": name, "label": _plain(label, 150), "element": element}


def _plain(words: str, limit: int) -> Block:
    shown = " ".join(words.split()) or "–"
    shown = shown if len(shown) <= limit else shown[: limit - 1] + "…"
    return {"type": "plain_text", "text": shown, "emoji": True}
