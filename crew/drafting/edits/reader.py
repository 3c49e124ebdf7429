"""Reads a ticket that asks to edit what exists: rename, retype, drop, filter, re-grain, split…

None is given for a request that asks for something else. What is unclear is asked, with the nearest
names or with what each answer would do; nothing is guessed that the words leave open.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from crew.artifacts import (
    AddColumn,
    AddTests,
    AddToGrain,
    Assumption,
    ChangeGrain,
    DropColumn,
    DropModel,
    Edit,
    Evidence,
    FollowSource,
    Grounding,
    MakeIncremental,
    MakeUnique,
    Materialize,
    Merge,
    MoveRows,
    RenameColumn,
    RenameModel,
    ReplaceMacro,
    Request,
    RequirementSpec,
    Retype,
    Split,
)
from crew.drafting.calendar_words import take_calendar
from crew.drafting.edits.column_reader import ColumnReader, asks_for_columns
from crew.drafting.edits.conditions import ConditionReader
from crew.drafting.edits.data import Data
from crew.drafting.edits.fill_reader import FillReader
from crew.drafting.edits.filter_reader import RowFilterReader
from crew.drafting.edits.key_reader import KeyReader
from crew.drafting.edits.macro_reader import MacroReader
from crew.drafting.edits.names import Link, Names
from crew.drafting.edits.part_reader import PartReader
from crew.drafting.edits.phrases import named, pattern, phrases, says
from crew.drafting.edits.project_view import ProjectView
from crew.drafting.edits.removal_reader import RemovalReader
from crew.drafting.edits.rename_reader import RenameReader
from crew.drafting.edits.rewording import reworded
from crew.drafting.edits.source_reader import SourceReader
from crew.drafting.edits.spared import clauses_of, is_kept, without_spared
from crew.drafting.edits.tests_reader import TestsReader
from crew.drafting.edits.type_reader import TypeReader
from crew.drafting.edits.unread_clauses import limits, says_empty, unread_clauses
from crew.drafting.edits.unread_sentences import NOT_READ, covered, is_empty, may_want, named_of
from crew.drafting.edits.week_starts import settle_weeks
from crew.drafting.edits.wording import ARTICLES, COLUMN_DROP, NOUN, PAIR
from crew.drafting.join_planner import JoinPlanner
from crew.drafting.new_names import new_names
from crew.drafting.questions import Asking
from crew.drafting.schema_linker import SchemaLinker
from crew.drafting.ticket_reader import read_ticket
from crew.drafting.vocabulary import name_stems, snake, stems, vocabulary
from crew.ports import Warehouse

_FENCE = re.compile(r"```.*?```|<!--.*?-->", re.S)
_SENTENCE = re.compile(
    r"(?<=[.!?;])(?<!\bi\.e\.)(?<!\be\.g\.)\s+|\n\s*\n|\n(?=\s*(?:[-*+•]|\d+[.)])\s)"
)
_BULLET = re.compile(r"^\s*(?:[-*+•]|\d+[.)])\s+")
_TITLE = re.compile(
    r"^\s*(?:\[[^\]]*\]\s*|(?:data )?(?:request|task|story|ticket|feature|bug|chore)\s*[:\-–]\s*)+",
    re.I,
)
_DESTROYS = re.compile(
    r"\b(?:drop|truncate|alter|grant|revoke)\s+(?:the\s+)?(?:tables?|schemas?|databases?|users?|roles?|views?)\b"
    r"|\bdelete\s+from\b|\btruncate\b|\bwipe\b|\bpurge\b",
    re.I,
)

_VERBS = "add|rename|drop|remove|delete|exclude|cast|convert|round|retype|materiali[sz]e"
_VERB = re.compile(rf"\b(?:{_VERBS}|keep|de-?dup\w*|make|leave)\b", re.I)
_NEXT = re.compile(
    r"\s*(?:[,;]\s*(?:and\s+|then\s+)*|\b(?:and|then)\s+)(?:also\s+)?"
    rf"(?=(?:{_VERBS})\s+(?!(?:the|an?) (?:\w+ ){{0,3}}tests?\b)|test\s+(?:that|whether|if)\b)",
    re.I,
)
_HEADED = re.compile(
    r"^\W*(?P<model>\w+)[`\"']?\s*:\s*(?P<how>only|without|no)\s+(?P<rows>.+)$", re.I
)
_COMMAND = re.compile(
    r"^\W*(?:(?:please|pls|also|and|then|finally|moreover|can you|could you)\W+)*"
    r"(?:add|rename|drop|remove|delete|round|cast|convert|split|merge|filter|exclude|replace|append|dedupe|materiali[sz]e|sort|mask)\s",
    re.I,
)
_SAID_BEFORE = re.compile(
    r"^\W*(?:please\W+)?(?:exclude|remove|drop|delete|filter|omit|skip|ignore|add|rename|split|merge|take|leave|throw"
    r"|keep)\s+"
    r"(?:it|them|this|these|those|that)(?:\s+(?:out|too|as well|please|there|everywhere))*\W*$",
    re.I,
)
"""What only says again what the sentences before it say."""
_KIND_WORDS: dict[type, tuple[str, ...]] = {
    AddTests: ("test", "not_null", "is_unique", "related"),
    MakeUnique: ("unique",),
    Materialize: ("materialize",),
    MakeIncremental: ("incremental",),
    ChangeGrain: ("grain", "row_per"),
    AddToGrain: ("grain", "row_per"),
}
_OF_NO_ROWS = (
    ChangeGrain, DropColumn, DropModel, MakeIncremental, Materialize, RenameColumn, RenameModel, Retype,
)  # fmt: skip
"""Edits that hold for all rows, so that no words that limit rows can have gone into them."""
_CHANGED = re.compile(
    r"\b(?:add|change|drop|remove|rename|fix|update|include|filter|exclude|delete|test|document|split|extend|ergänze\w*"
    r"|entferne\w*|ändere?\w*|lösche\w*|ajoute\w*|supprime\w*|añad\w*|elimin\w*)\b[^.;\n]*?\b(?:to|in|from|of|on|into|zu|aus"
    r"|von|à|dans|de|a|en)\s+(?:(?:the|our|model|table|mart|der|dem|die|tabelle|modell|la|le|el)\s+)*[`\"']?"
    r"(?P<name>[A-Za-z][A-Za-z0-9]*_\w+)(?![\w.])",
    re.I,
)
_LIMITS = re.compile(
    r"\b(?:only|without|excluding|exclude|except|unless|not count(?:ed|ing)?|don['’]t count|ignor\w+"
    r"|leave out|nur|ohne)\b",
    re.I,
)


@dataclass
class Reading:
    """What was read so far."""

    edits: list[Edit] = field(default_factory=list)
    assumptions: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    present: list[str] = field(default_factory=list)
    """What was asked for and is so already; counts where nothing else was asked for."""
    refused: str = ""

    def add(self, edit: Edit) -> None:
        if edit not in self.edits:
            self.edits.append(edit)


def read_edit(
    request: Request, evidence: Evidence, view: ProjectView, warehouse: Warehouse | None
) -> RequirementSpec | None:
    """The specification of an edit, its open questions included; None where none is asked for."""
    return EditReader(request, evidence, view, warehouse).read()


class EditReader:
    """One reading of one request."""

    def __init__(
        self,
        request: Request,
        evidence: Evidence,
        view: ProjectView,
        warehouse: Warehouse | None,
    ) -> None:
        self.request, self.evidence, self.view = request, evidence, view
        self.warehouse = warehouse
        self.wish = read_ticket(request)
        self.asking = Asking(
            self.wish.answers, self.wish.directed, request.choices, evidence.remembered.answers
        )
        self.names = Names(view)
        self.linker = SchemaLinker(evidence, JoinPlanner(evidence))
        self.conditions = ConditionReader(evidence, self.names, self.linker)
        self.reading = Reading()
        self._of_title: list[Edit] = []
        self._spared: list[str] = []
        self.week_starts: int | None = None
        self.data = Data(view, warehouse)
        self.renames, self.removals = RenameReader(self), RemovalReader(self)
        self.types, self.macros = TypeReader(self), MacroReader(self)
        self.filters, self.keys = RowFilterReader(self), KeyReader(self)
        self.parts, self.sources = PartReader(self), SourceReader(self)
        self.columns, self.tests = ColumnReader(self), TestsReader(self)
        self.fills = FillReader(self)

    def read(self) -> RequirementSpec | None:
        sentences = self.sentences = self._sentences()
        self.title = sentences[0] if sentences else ""
        whole = " ".join(sentences)
        if missing := self._missing_model(whole):
            return self._asked_for_model(missing, whole)
        if not self._is_about_a_model(whole):
            return None
        if says("not_here", self.title) and not (
            (says("new_column", whole) and self.names.models(whole))
            or any(self._is_added_to_a_model(s) for s in sentences)
        ):
            return None
        self.text = whole
        unread = [s for s in sentences[:1] if not self._read(s)]
        headed = list(self.asking.open) if not self.reading.edits else []
        unread += [s for s in sentences[1:] if not self._read(s)]
        if headed and self.reading.edits and not self.names.models(self.title):
            for question in headed:  # the body says what the title only names
                self.asking.open.remove(question)
            self.note(f"Of the title, “{self.title}”, nothing more was read.")
        self._settle_columns(unread)
        self._ask_unread(unread)
        self._ask_spared()
        settle_weeks(self)
        self.tests.ask_unread()
        self._ask_clauses([s for s in sentences if s not in unread])
        self._ask_names()
        reading, open_ = self.reading, self.asking.open
        if reading.refused:
            return RequirementSpec(
                kind="refuse", question=self.request.title, reason=reading.refused
            )
        if not reading.edits and not open_:
            return None
        notes = [*reading.notes, *(f"Not followed: {text}." for text in self.wish.ignored)]
        said = Grounding(source="assumption", text="as the words are read", confidence=0.8)
        target = next((m for e in reading.edits if (m := getattr(e, "model", ""))), "")
        name = next((m for e in reading.edits if (m := _result(e))), target)
        return RequirementSpec(
            kind="edit",
            model=name,
            target=target,
            question=self.request.title.strip() or self.text[:100],
            edits=tuple(reading.edits),
            acceptance=tuple(self.wish.acceptance),
            assumptions=(
                *self.asking.read_by_model,
                *(Assumption(text=t, grounding=said) for t in dict.fromkeys(reading.assumptions)),
            ),
            questions=tuple(open_[:3]),
            notes=tuple(dict.fromkeys(notes)),
            settled=self.asking.settled,
            followed=self.asking.followed,
        )

    def _missing_model(self, whole: str) -> str:
        """A model that is to be changed by its name, and that is not there nor nearly there."""
        if self.names.models(whole):
            return ""
        heads = {n.split("_")[0].lower() for n in self.view.models if "_" in n}
        known = {c.lower() for k in self.view.nodes for c in self.view.columns(k)}
        for match in _CHANGED.finditer(whole):
            name = match["name"]
            is_model = name.split("_")[0].lower() in heads and name.lower() not in known
            if is_model and name not in self.view.nodes:
                likely = self.names.likely_models(name)
                return "" if likely and likely.said == name else name
        return ""

    def _asked_for_model(self, name: str, whole: str) -> RequirementSpec:
        """The question which model is meant; the answer is read in the place of the name."""
        near = self.names.nearest_models(name)
        self.ask(
            f"edit:model:{name}",
            f"There is no model `{name}` in this project. Which one is meant?",
            [(f"`{n}`", "") for n in near],
        )
        return RequirementSpec(
            kind="edit",
            question=self.request.title.strip() or whole[:100],
            questions=tuple(self.asking.open[:3]),
            settled=self.asking.settled,
            followed=self.asking.followed,
        )

    def _is_added_to_a_model(self, sentence: str) -> bool:
        found = re.search(r"\badd\b.+\bto\s+(?:the\s+)?(?P<to>[`\"'\w ]+)\W*$", sentence, re.I)
        return bool(found and self.names.models(f"to {found['to']}"))

    def _sentences(self) -> list[str]:
        """Title, body and what was said to us later, sentence by sentence, without the forbidden."""
        settled = {c.said for c in self.request.choices or ()}
        body = _FENCE.sub(" ", self.request.body)
        title = _TITLE.sub("", self.request.title)
        parts = [*_SENTENCE.split(title), *_SENTENCE.split(body)]
        parts += [a for a in self.wish.answers if a in self.wish.directed and a not in settled]
        found = []
        for part in parts:
            text = " ".join(_BULLET.sub("", part).split()).strip()
            bare = text.strip(" .")
            if not bare or part.lstrip().startswith(">") or bare in self.wish.acceptance:
                continue
            if self._is_forbidden(text):
                continue
            calendar, rest = take_calendar(bare)
            if calendar.week_starts is not None:
                self.week_starts, bare = calendar.week_starts, rest.strip(" ,;.")
            found += [reworded(bare)] if bare else []
        return [c for s in self._without_spared(found) for c in self._commands(s)]

    def _without_spared(self, sentences: list[str]) -> list[str]:
        """The sentences without what they say of models that stay as they are."""
        left = []
        for n, sentence in enumerate(sentences):
            text, spared = without_spared(sentence, self.names)
            others = [*sentences[:n], *sentences[n + 1 :]]
            elsewhere = {k.name for s in others for k in self.names.models(s)}
            if (
                not text and set(spared) & elsewhere
            ):  # `orders must keep its rows`, of what is changed
                left.append(sentence)
                continue
            self._spared += spared
            left += [text] if text else []
        return left

    def _commands(self, sentence: str) -> list[str]:
        """The commands of a sentence one by one, each with the model that the first names; `x: only
        y` as the command that it is."""
        if headed := _HEADED.match(sentence):
            verb = "only contain" if headed["how"].lower() == "only" else "not contain"
            if headed["model"] in self.view.models:
                return [f"{headed['model']} should {verb} {headed['rows']}"]
        parts = _NEXT.split(sentence)
        if len(parts) == 1 or not _VERB.search(parts[0]):
            return [sentence]
        models = self.names.models(sentence)
        if len(models) != 1:
            return [sentence] if any(self.names.models(p) for p in parts[1:]) else parts
        name = models[0].name
        return [p if self.names.models(p) else f"{p} in {name}" for p in parts]

    def _is_forbidden(self, text: str) -> bool:
        if COLUMN_DROP.search(text) and not _DESTROYS.search(text):
            rules = [r for r in vocabulary()["forbidden"] if "warehouse" not in r["what"]]
        else:
            rules = vocabulary()["forbidden"]
        return any(re.search(r["pattern"], text, re.I) for r in rules)

    def _is_about_a_model(self, whole: str) -> bool:
        commands = ("rename", "drop", "exclude", "keep", "filter", "unique", "incremental",
                    "materialize", "macro", "replace", "test", "bring", "split", "move", "merge", "retype", "grain",
                    "source", "new_column")  # fmt: skip
        return (
            any(says(c, whole) for c in commands)
            or asks_for_columns(whole)
            or any(self.fills.applies(s) for s in self.sentences)
        )

    # --- sentences ---------------------------------------------------------------------------

    def _ask_unread(self, unread: list[str]) -> None:
        """Asks about sentences that want something and that nothing was read of, where others
        were; notes those that only tell."""
        reading = self.reading
        if not reading.edits:
            return
        for text in dict.fromkeys(reading.present):
            self.note(f"Nothing to do: {text}.")
        columns = self._changed_columns()
        tested = any(isinstance(e, AddTests) for e in reading.edits)
        made = set(stems(" ".join(e.model_dump_json() for e in reading.edits)))
        so_far = " ".join([*(q.text for q in self.asking.open), *reading.notes])
        for sentence in unread:
            if sentence == self.title or _SAID_BEFORE.match(sentence) or sentence in so_far:
                continue
            if tested and says("test", sentence) and not named_of(columns, sentence):
                continue  # what the tests are, other sentences say
            if covered(sentence, made, 1) and not limits(sentence):
                continue
            if is_empty(sentence) or ("|" in sentence and covered(sentence, made)):
                continue
            if may_want(sentence, columns, self.view.models):
                self.ask(
                    f"edit:how:{snake(sentence)[:40]}",
                    f"“{sentence}”: I cannot carry this out as it is written. What is to change, in which"
                    " model and column?",
                    [("it changes nothing: leave it out", "")],
                )
            else:
                self.note(f"{NOT_READ} “{sentence}”.")

    def _changed_columns(self) -> set[str]:
        """The columns of the models that are changed."""
        models = {m for e in self.reading.edits if (m := getattr(e, "model", ""))}
        return {c for m in models & set(self.view.models) for c in self.view.columns(m)}

    def _ask_clauses(self, read: list[str]) -> None:
        """Asks about clauses of sentences that were read for something else alone."""
        reading = self.reading
        told_whole = (FollowSource, Merge, MoveRows, ReplaceMacro, Split)
        if (
            not reading.edits
            or self.asking.open
            or any(isinstance(e, told_whole) for e in reading.edits)
        ):
            return
        said = [e.model_dump_json() for e in reading.edits]
        notes = [n for n in reading.notes if not n.startswith(NOT_READ)]
        made = " ".join([*said, *reading.assumptions, *notes, *reading.present])
        of_rows = [e.model_dump_json() for e in reading.edits if not isinstance(e, _OF_NO_ROWS)]
        conditions = " ".join([*of_rows, *reading.assumptions, *notes])
        columns = self._changed_columns()
        kinds = {k for e in reading.edits for k in _KIND_WORDS.get(type(e), ())}
        for sentence in read:
            self._ask_pairs(sentence, made)
            self._ask_kept(sentence)
            plain = self.columns.plainly(sentence)
            clauses = unread_clauses(plain, made, self.view.models, columns, conditions)
            for clause in clauses:
                if is_kept(clause) and named_of(columns, clause) and not limits(clause):
                    continue  # what stays was looked at
                if _is_of_types(clause) and any(isinstance(e, Retype) for e in reading.edits):
                    continue  # `not as a decimal`: what it was
                if not limits(clause) and any(says(kind, clause) for kind in kinds):
                    continue
                if says_empty(clause):
                    self.note(f"{NOT_READ} “{clause}”.")
                    continue
                self.ask(
                    f"edit:clause:{snake(clause)[:40]}",
                    f"“{clause}”: I did not read this part. What is to change by it, in which model and"
                    " column, or for which rows?",
                    [("it changes nothing: leave it out", "")],
                )

    def _ask_pairs(self, sentence: str, made: str) -> None:
        """Asks about pairs of names in a sentence of renames that no edit has."""
        if not says("rename", sentence):
            return
        columns = {c.lower() for c in self._changed_columns()}
        for pair in PAIR.finditer(sentence):
            old, new = pair["old"], pair["new"]
            if old.lower() in columns and "_" in new and new not in made:
                self.ask(
                    f"edit:pair:{old}",
                    f"“{pair.group()}”: in which model is `{old}` to be called `{new}`?",
                    [("it keeps its name", "")],
                )

    def _ask_kept(self, sentence: str) -> None:
        """Asks where a clause says that a column stays (`keep x if y uses it`) which an edit changes."""
        changed = {
            e.column
            for e in self.reading.edits
            if isinstance(e, DropColumn | RenameColumn | Retype)
        }
        for clause in clauses_of(sentence):
            if not is_kept(clause) or pattern("drop").match(clause):
                continue
            for column in named_of(changed, clause):
                self.ask(
                    f"edit:kept:{column}",
                    f"“{clause}”: `{column}` is to be changed by another part of the ticket. What is to"
                    " happen to it?",
                    [("it is changed as the other part says", "")],
                )

    def _ask_names(self) -> None:
        """Asks about columns that the ticket gives a name and that no edit makes."""
        if not self.reading.edits or self.asking.open:
            return
        view = self.view
        known = {n.lower() for n in (*view.nodes, *view.macros)}
        known |= {c.lower() for k in view.nodes for c in view.columns(k)}
        known |= {n.split(".")[-1].lower() for n in view.nodes}
        known |= {v.lower() for r in self.evidence.relations for c in r.columns for v in c.values}
        made = " ".join(
            [e.model_dump_json() for e in self.reading.edits]
            + [*self.reading.assumptions, *self.reading.present]
            + [n for n in self.reading.notes if not n.startswith(NOT_READ)]
        ).lower()
        for name in new_names(self.text, known):
            if not re.search(rf"(?<!\w){name}(?!\w)", made):
                self.ask(
                    f"edit:name:{name}",
                    f"“{name}”: I did not read what it is to be. Of which columns of which model is it made?",
                    [("it changes nothing: leave it out", "")],
                )

    def _ask_spared(self) -> None:
        """Asks where an edit would change a model that is to stay as it is."""
        for name in dict.fromkeys(self._spared):
            for edit in self.reading.edits:
                model = getattr(edit, "model", "")
                follows = not isinstance(edit, AddTests | DropColumn | Materialize) or getattr(
                    edit, "everywhere", False
                )
                if model == name or (follows and model and name in self.view.below(model)):
                    self.ask(
                        f"edit:spared:{name}",
                        f"`{name}` is to stay as it is, and would follow the change of `{model}`. What is"
                        " it to do?",
                        [],
                    )

    def _settle_columns(self, unread: list[str]) -> None:
        """Of added columns, those of the title go that the body tells better; what limits rows and
        was not read is asked about."""
        added = [e for e in self.reading.edits if isinstance(e, AddColumn)]
        later = [e for e in added if e not in self._of_title]
        told = set(stems(" ".join(self.sentences[1:])))
        for edit in self._of_title:
            again = isinstance(edit, AddColumn) and set(name_stems(edit.column)) <= told
            if later and again and isinstance(edit, AddColumn) and edit in self.reading.edits:
                self.reading.edits.remove(edit)
                said = f"`{edit.column}` is "
                self.reading.assumptions = [
                    a for a in self.reading.assumptions if not a.startswith(said)
                ]
        figures = [e for e in added if e.relation and e.where == "" and "(" in e.expression]
        limits = [s for s in unread if s != self.title and _LIMITS.search(s)]
        for sentence in limits if figures else ():
            self.ask(
                f"edit:limit:{snake(sentence)[:40]}",
                f"“{sentence}”: I cannot tell which rows this is about. Which condition on which"
                f" column of `{figures[0].relation}` is it?",
                [],
            )

    def _read(self, sentence: str) -> bool:
        """The first kind that a sentence asks for; whether it was read so."""
        macros = says("macro", sentence) or any(
            re.search(rf"\b{re.escape(m.split('.')[-1])}\b", sentence) for m in self._own_macros
        )
        readers = (
            (bool(self.reading.edits), self.columns.limit),
            (macros and (says("macro", self.text) or self._names_macros), self.macros.read),
            (self._is_about_tests(sentence), self.tests.read),
            (self.fills.applies(sentence), self.fills.read),
            (says("incremental", sentence), self.keys.incremental),
            (says("materialize", sentence), self.keys.materialize),
            (says("source", sentence), self.sources.renamed),
            (_is_about_rows(sentence), self.parts.grain),
            (says("bring", sentence), self.sources.added),
            (asks_for_columns(sentence), self.columns.read),
            (says("unique", sentence), self.keys.unique),
            (says("split", sentence) or says("move", sentence), self.parts.moved),
            (says("split", sentence), self.parts.split),
            (says("merge", sentence), self.parts.merge),
            (says("rename", sentence) or bool(PAIR.search(sentence)), self.renames.read),
            (bool(named("types", sentence)) and says("retype", sentence), self.types.read),
            (says("drop", sentence), self.removals.read),
            (
                any(says(n, sentence) for n in ("exclude", "keep", "filter", "drop")),
                self.filters.read,
            ),
        )
        for applies, read in readers:
            so_far = len(self.reading.present)
            if applies and (read(sentence) or len(self.reading.present) > so_far):
                if sentence == self.title and not self._of_title:
                    self._of_title = list(self.reading.edits)
                return True
        return False

    def _is_about_tests(self, sentence: str) -> bool:
        """Not a command of another kind, in a ticket that asks for tests too."""
        kinds = ("test", "not_null", "is_unique", "accepted", "related")
        is_other = _COMMAND.search(sentence) and not any(says(k, sentence) for k in kinds)
        return says("test", self.text) and not is_other

    @property
    def _names_macros(self) -> bool:
        """Whether the ticket names two macros."""
        return len(self.macros.named_in(self.text)) > 1

    @property
    def _own_macros(self) -> list[str]:
        return [m for m in self.view.macros if "." not in m and len(m) > 5]

    # --- what is meant -----------------------------------------------------------------------

    def model(self, sentence: str, must: bool = True) -> str | None:
        """The one model that a sentence is about, else the one that the ticket is about. With `must`
        it is asked for where it is not clear."""
        for text in (sentence, self.title, self.text):
            if found := self.names.models(text):
                return found[0].name
        likely = self.names.likely_models(sentence) or self.names.likely_models(self.text)
        if likely is None:
            if must:
                near = self.names.nearest_models(sentence)
                self.ask("edit:model", f"“{sentence}”: which model is meant?",
                         [(f"`{n}`", "") for n in near])  # fmt: skip
            return None
        if likely.others and not must:
            return None
        return self._settled(likely, f"“{likely.said}”: which model is meant?", "edit:model")

    def column(self, phrase: str, model: str, must: bool = True) -> str | None:
        """The column of a model that a phrase means; asked for where it is not clear."""
        phrase = ARTICLES.sub("", NOUN.sub(" ", phrase).strip(" ,.:")).strip()
        link = self.names.column(phrase, model)
        id_ = f"edit:column:{snake(phrase)}"
        if link is None:
            if must:
                near = self.names.nearest_columns(phrase, model)
                index = self.ask(
                    id_, f"`{model}` has no column “{phrase}”. Which one is meant?",
                    [(f"`{n}`", "") for n in near],
                )  # fmt: skip
                return near[index] if index is not None else None
            return None
        return self._settled(link, f"“{phrase}”: which column of `{model}` is meant?", id_)

    def _settled(self, link: Link, question: str, id_: str) -> str | None:
        if link.exact:
            return link.name
        if link.others:
            names = [link.name, *link.others]
            index = self.ask(id_, question, [(f"`{n}`", "") for n in names])
            return names[index] if index is not None else None
        self.assume(f"“{link.said}” is `{link.name}`.")
        return link.name

    def ask(self, id_: str, text: str, meanings: list[tuple[str, str]]) -> int | None:
        return self.asking.ask(id_, text, meanings)

    def assume(self, text: str) -> None:
        self.reading.assumptions.append(text)

    def note(self, text: str) -> None:
        self.reading.notes.append(text)

    def add(self, edit: Edit) -> bool:
        self.reading.add(edit)
        return True


def _is_about_rows(sentence: str) -> bool:
    """Whether it says what a row is to be of."""
    said = bool(named("grains", sentence)) or says("row_per", sentence)
    return said and (says("grain", sentence) or says("row_per", sentence))


def _is_of_types(clause: str) -> bool:
    """Whether a clause names types and nothing else."""
    rest = clause
    for forms in phrases()["types"].values():
        rest = re.sub(rf"\b(?:{'|'.join(forms)})\b", " ", rest, flags=re.I)
    return rest != clause and not re.sub(
        r"\b(?:not|no|longer|as|of|an?|the|instead|rather|than|type|any|more)\b|\W",
        "",
        rest,
        flags=re.I,
    )


def _result(edit: Edit) -> str:
    """The model that an edit leaves, where it has another name than before."""
    if isinstance(edit, RenameModel):
        return edit.to
    return ""
