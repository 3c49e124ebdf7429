"""Reads how a ticket words a table with one row per entity: whose rows, which ones, what they show.

`one row per account with its latest subscription (by start): account id, plan name, status` names
the entity, a row picked among others of its own, and what is shown of both.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from crew.drafting.date_words import find_date_span
from crew.drafting.figure_words import take_figures
from crew.drafting.phrase_reader import read_clause
from crew.drafting.vocabulary import singular
from crew.drafting.wish import Phrase, Wish

_WAY = r"(?P<way>first|earliest|oldest|initial|last|latest|most\s+recent|newest|current(?:ly\s+valid)?|present)"
_ROW_PER = re.compile(
    r"\b(?:one|1|a|single|exactly\s+one)\s+(?:row|line|record)\s+(?:for\s+each|for\s+every|per|for)\s+(?P<entity>[\w-]+)"
    r"(?P<head>[^:]*)(?::\s*(?P<items>.*))?$",
    re.I | re.S,
)
_NEWEST = re.compile(
    r"\b(?:exactly\s+|only\s+|just\s+)*the\s+(?:newest|latest|most\s+recent|current|last)\s+(?:row|record|version|entry|state|delivery)\s+(?:of|per|for)\s+(?:each\s+|every\s+)?(?P<entity>[\w-]+)"
    r"(?P<head>[^:]*)(?::\s*(?P<items>.*))?$",
    re.I | re.S,
)
_PICK = re.compile(
    rf"\bwith\s+(?:its|their|the|his|her)\s+(?:{_WAY}\s+(?P<what>(?:(?!by\b)[\w-]+\s?){{1,3}}?)|(?P<what2>[\w-]+(?:\s[\w-]+)?)\s+(?:that|which)\s+(?:is|are)\s+(?:valid|running|open|in\s+force|current)(?:\s+(?:now|today|currently|at\s+the\s+moment))?)"
    r"(?:\s*\(?\s*by\s+(?:the\s+|its\s+)?(?P<by>[\w-]+(?:\s[\w-]+)?)\s*\)?)?(?P<open>\s*\(?\s*(?:with\s+)?(?:no|without\s+an?|empty|open)\s+end(?:\s+date)?\s*\)?)?(?=\s*(?:$|[,:(.]))",
    re.I,
)
_WHO = re.compile(
    r"\b(?:who|that|which)\s+(?:(?:have|has|had)\s+)?(?:ever\s+)?(?P<what>\w+ed|bought|paid)\s+(?:at\s+least\s+once|anything)\b",
    re.I,
)
_LACKING = r"(?:without|with\s+no|who\s+never|that\s+never|which\s+never|never|no)"
_ABSENT = re.compile(
    rf"\b{_LACKING}\b(?:\s+(?:any|an?|had|got|have|has|placed|made|a\s+single|current|valid|open))*\s+(?P<what>[\w-]+)(?P<rest>.*)$",
    re.I,
)
_GONE = re.compile(
    r"\b(?:(?:do|does|should|need|must|are|is)(?:\s+not|n['’]?t)\s+(?:\w+\s+)?(?:matter|show|appear|count|needed|wanted|needed|interesting|relevant|there|included|listed|be)|dropped|left\s+out|excluded|ignored|skipped|(?:can|may)\s+be\s+(?:dropped|left\s+out|ignored))\b",
    re.I,
)
_THERE = re.compile(
    r"\b(?:also|as\s+well|too|be\s+there|stay|kept|keep|included?|listed|show\s+up|appear|have\s+to\s+be|with\s+(?:0|zero))\b",
    re.I,
)
_EXPLAINED = re.compile(r"\bwhen\s+(?:it|they|he|she)\s+(?P<what>\w+)\b", re.I)


@dataclass(frozen=True)
class Pick:
    """The row among those of `what` that is it: by `by`, or the one that `is_current`; `open_end`
    where the ticket says that such a row has no end."""

    way: str
    what: str
    by: str
    is_current: bool
    open_end: bool
    quote: str


@dataclass
class EntityWish:
    """One row per `entity`: its newest delivery, those that `who` did something, with a `pick`.
    `items` are shown; entities without rows of `gone` are not. `rest` is what the head says else,
    `quotes` are the sentences read."""

    entity: str
    quote: str
    newest: bool = False
    who: str = ""
    pick: Pick | None = None
    items: list[Phrase] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    rest: str = ""
    quotes: set[str] = field(default_factory=set)


def entity_wish(wish: Wish) -> EntityWish | None:
    """What a ticket says of a table of entities; None if it says none."""
    found: EntityWish | None = None
    wish.figures.counted = ""
    for clause in wish.clauses:
        if found is None:
            matched = _ROW_PER.search(clause.text) or _NEWEST.search(clause.text)
            if matched and clause.place == "wish":
                found = EntityWish(matched["entity"], clause.quote, newest=matched.re is _NEWEST)
                head = _take_head(matched["head"], found)
                listed = matched["items"] or ""
                if not listed and re.match(r"\s*,?\s*with\s+\w+.*(?:,|\band\b)", head, re.I):
                    listed, head = re.sub(r"^\s*,?\s*with\s+", "", head, flags=re.I), ""
                found.rest = re.sub(r"^\s*(?:with|,)\s*$", "", head).strip(" ,()")
                found.items = [_item(t, clause, wish) for t in _listed(listed)]
                found.quotes.add(clause.quote)
            continue
        if clause.item:
            found.items.append(_item(clause.text, clause, wish))
            found.quotes.add(clause.quote)
        elif absent := _ABSENT.search(clause.text):
            if _GONE.search(absent["rest"]):
                found.gone.append(absent["what"])
                found.quotes.add(clause.quote)
            elif _THERE.search(absent["rest"]):
                found.quotes.add(clause.quote)
    return found


def keeps_all(sentence: str) -> bool:
    """Whether a sentence says that those without any row stay: what a table of entities does."""
    absent = _ABSENT.search(sentence)
    return bool(absent and _THERE.search(absent["rest"]))


def take(found: EntityWish, wish: Wish) -> None:
    """Leave to the other readers of a wish what the table's own words have not said."""
    for name in ("metrics", "dimensions", "exclusions", "inclusions", "leftovers", "passed_over"):
        kept = [p for p in getattr(wish, name) if p.quote not in found.quotes]
        setattr(wish, name, kept)
    repeated = re.compile(
        r"\b(?:several|many|multiple|more\s+than\s+one)\s+(?:rows|records|versions)\b", re.I
    )
    if found.newest:
        for name in ("metrics", "dimensions", "leftovers", "passed_over"):
            kept = [p for p in getattr(wish, name) if not repeated.search(p.quote)]
            setattr(wish, name, kept)
    wish.metrics = [p for p in wish.metrics if p.place != "title"] + found.items
    wish.dimensions = [p for p in wish.dimensions if p.place != "title"]
    if found.rest:
        before = len(wish.exclusions) + len(wish.inclusions)
        read_clause(Phrase(found.rest, "aside", found.quote), wish)
        if len(wish.exclusions) + len(wish.inclusions) == before:  # `in Graz`, `who are active`
            wish.inclusions.append(Phrase(found.rest, "wish", found.quote))


def _take_head(head: str, found: EntityWish) -> str:
    """What stands between the entity and what is shown, without what is understood of it."""
    if picked := _PICK.search(head):
        way = re.sub(r"\s+", " ", (picked["way"] or "current").lower())
        what = (picked["what"] or picked["what2"]).strip()
        found.pick = Pick(
            way, what, (picked["by"] or "").strip(), way.startswith(("current", "present")),
            bool(picked["open"]), picked.group().strip(),
        )  # fmt: skip
        head = head[: picked.start()] + head[picked.end() :]
    head = re.sub(r"\(\s*`?\w+_\w+`?\s*\)", "", head)  # `one row per house (stg_houses)`
    if who := _WHO.search(head):
        found.who = who["what"]
        head = head[: who.start()] + head[who.end() :]
    return head


def _listed(text: str) -> list[str]:
    parts = re.split(r",|;|\band\b", text)
    return [p.strip(" .") for p in parts if p.strip(" .")]


def _one(noun: str) -> str:
    *before, last = noun.split()
    return " ".join([*before, singular(last)])


def _item(text: str, clause: Phrase, wish: Wish) -> Phrase:
    text = _EXPLAINED.sub(r"\g<what>", text).strip(" .")
    span, rest = find_date_span(text)
    if span is not None:  # which figures the dates limit is settled with all of them
        text = rest.replace("|", " ").strip(" ,.")
    if counted := wish.figures.counted:  # `sum of their totals`: of the rows counted before
        text = re.sub(r"\btheir\s+(?=\w)", f"{_one(counted)} ", text, flags=re.I)
        text = re.sub(r"(?<=\w\s)ones\b", counted, text, flags=re.I)  # `number of lost ones`
    for matched in re.finditer(
        r"\b(?:number|count)\s+of\s+(?P<what>(?:\w+\s){0,2}?\w+s)\b", text, re.I
    ):
        wish.figures.counted = matched["what"]
    marked = take_figures(text, clause.quote, wish.figures).strip()
    return Phrase(marked, "wish", clause.quote, item=True)
