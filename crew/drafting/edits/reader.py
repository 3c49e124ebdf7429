"""Reads a ticket that asks to edit what exists: rename, retype, drop, filter, re-grain, split…

None is given for a request that asks for something else. What is unclear is asked, with the nearest
names or with what each answer would do; nothing is guessed that the words leave open.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from crew.artifacts import (
    Assumption,
    DropColumn,
    DropModel,
    Edit,
    Evidence,
    Grounding,
    RenameColumn,
    RenameModel,
    ReplaceMacro,
    Request,
    RequirementSpec,
    Retype,
)
from crew.drafting.edits.column_lineage import follow
from crew.drafting.edits.conditions import ConditionReader
from crew.drafting.edits.names import Link, Names, without
from crew.drafting.edits.phrases import named, pattern, says
from crew.drafting.edits.project_view import ProjectView
from crew.drafting.edits.row_readers import RowReaders
from crew.drafting.edits.tests_reader import TestsReader
from crew.drafting.join_planner import JoinPlanner
from crew.drafting.model_text import CannotEdit
from crew.drafting.questions import Asking
from crew.drafting.schema_linker import SchemaLinker
from crew.drafting.ticket_reader import read_ticket
from crew.drafting.vocabulary import snake, vocabulary
from crew.ports import Warehouse

_FENCE = re.compile(r"```.*?```|<!--.*?-->", re.S)
_SENTENCE = re.compile(r"(?<=[.!?;])\s+|\n\s*\n|\n(?=\s*(?:[-*+•]|\d+[.)])\s)")
_BULLET = re.compile(r"^\s*(?:[-*+•]|\d+[.)])\s+")
_TITLE = re.compile(
    r"^\s*(?:\[[^\]]*\]\s*|(?:data )?(?:request|task|story|ticket|feature|bug|chore)\s*[:\-–]\s*)+",
    re.I,
)
_QUOTE = "[`\"'“‘]?"
_END = "[`\"'”’]?"
_IDENTIFIER = r"[A-Za-z_]\w*"
_ARROW = (
    r"(?:\s*(?:->|=>|→|➔)\s*|\s+(?:to|into|as|zu|nach|in|en|a|como|por|be(?: called| named)?"
    r"|(?:be )?renamed to|read|called)\s+)"
)
_PAIR = re.compile(
    rf"{_QUOTE}(?P<old>{_IDENTIFIER}){_END}{_ARROW}{_QUOTE}(?P<new>{_IDENTIFIER}){_END}", re.I
)
_NOUN = re.compile(
    r"\b(?:(?:the|a|an|our|all|both|unused|old|die|der|das|la|le|el|les|los|las)\s+)*"
    r"(?:columns?|fields?|attributes?|spalten?|feld(?:er)?|colonnes?|champs?|columnas?|campos?)\b"
    r"(?:\s+(?:called|named))?",
    re.I,
)
_ARTICLES = re.compile(r"^(?:(?:the|a|an|our|its|die|der|das|la|le|el|please|bitte)\s+)+", re.I)
_COLUMN_DROP = re.compile(r"\b(?:column|field|spalte|colonne|columna)s?\b", re.I)
_DESTROYS = re.compile(
    r"\b(?:drop|truncate|alter|grant|revoke)\s+(?:the\s+)?(?:tables?|schemas?|databases?|users?|roles?|views?)\b"
    r"|\bdelete\s+from\b|\btruncate\b|\bwipe\b|\bpurge\b",
    re.I,
)
_PRONOUNS = {"it", "this", "that", "them", "these", "those", "this column", "this one"}
_PRONOUN = re.compile(r"\b(?:it|them|this|that|these|those)\b", re.I)
_ROWS = re.compile(
    r"\b(?:rows?|records?|entries|lines|where|whose|with|which|duplicates?)\b|[=<>]", re.I
)
_NEVER = re.compile(r"\b(?:do not|don['’]t|never|without|not to|no need to)\s+\W*$", re.I)


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
        linker = SchemaLinker(evidence, JoinPlanner(evidence))
        self.conditions = ConditionReader(evidence, self.names, linker)
        self.reading = Reading()
        self.rows = RowReaders(self)
        self.tests = TestsReader(self)

    def read(self) -> RequirementSpec | None:
        sentences = self.sentences = self._sentences()
        self.title = sentences[0] if sentences else ""
        whole = " ".join(sentences)
        if says("not_here", self.title) or not self._is_about_a_model(whole):
            return None
        self.text = whole
        for sentence in sentences:
            self._read(sentence)
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
            assumptions=tuple(
                Assumption(text=t, grounding=said) for t in dict.fromkeys(reading.assumptions)
            ),
            questions=tuple(open_[:3]),
            notes=tuple(dict.fromkeys(notes)),
            settled=self.asking.settled,
            followed=self.asking.followed,
        )

    def _sentences(self) -> list[str]:
        """Title, body and what was said to us later, sentence by sentence, without the forbidden."""
        settled = {c.said for c in self.request.choices or ()}
        body = _FENCE.sub(" ", self.request.body)
        parts = [_TITLE.sub("", self.request.title), *_SENTENCE.split(body)]
        parts += [a for a in self.wish.answers if a in self.wish.directed and a not in settled]
        found = []
        for part in parts:
            text = " ".join(_BULLET.sub("", part).split()).strip()
            bare = text.strip(" .")
            if not bare or part.lstrip().startswith(">") or bare in self.wish.acceptance:
                continue
            if self._is_forbidden(text):
                continue
            found.append(bare)
        return found

    def _is_forbidden(self, text: str) -> bool:
        if _COLUMN_DROP.search(text) and not _DESTROYS.search(text):
            rules = [r for r in vocabulary()["forbidden"] if "warehouse" not in r["what"]]
        else:
            rules = vocabulary()["forbidden"]
        return any(re.search(r["pattern"], text, re.I) for r in rules)

    def _is_about_a_model(self, whole: str) -> bool:
        commands = ("rename", "drop", "exclude", "keep", "filter", "unique", "incremental",
                    "macro", "replace", "test", "bring", "split", "merge", "retype", "grain", "source")  # fmt: skip
        return any(says(c, whole) for c in commands)

    # --- sentences ---------------------------------------------------------------------------

    def _read(self, sentence: str) -> None:
        """The first kind that a sentence asks for."""
        macros = says("macro", sentence) or any(
            re.search(rf"\b{re.escape(m.split('.')[-1])}\b", sentence) for m in self._own_macros
        )
        readers = (
            (macros and (says("macro", self.text) or self._names_macros), self._macro),
            (says("test", self.text), self.tests.read),
            (says("incremental", sentence), self.rows.incremental),
            (says("source", sentence), self.rows.source),
            (says("bring", sentence), self.rows.added),
            (says("unique", sentence), self.rows.unique),
            (says("split", sentence), self.rows.split),
            (says("merge", sentence), self.rows.merge),
            (says("rename", sentence) or bool(_PAIR.search(sentence)), self._rename),
            (says("grain", sentence) and bool(named("grains", sentence)), self.rows.grain),
            (bool(named("types", sentence)) and says("retype", sentence), self._retype),
            (says("drop", sentence), self._drop),
            (
                any(says(n, sentence) for n in ("exclude", "keep", "filter", "drop")),
                self.rows.filter,
            ),
        )
        for applies, read in readers:
            if applies and read(sentence):
                return

    @property
    def _names_macros(self) -> bool:
        """Whether the ticket names two macros."""
        return len(self._macros_in(self.text)) > 1

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
        phrase = _ARTICLES.sub("", _NOUN.sub(" ", phrase).strip(" ,.:")).strip()
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

    # --- names -------------------------------------------------------------------------------

    def _rename(self, sentence: str) -> bool:
        is_rename = says("rename", sentence) or says("rename", self.text)
        if not is_rename:
            return False
        models = [k.name for k in self.names.models(sentence)]
        pairs = [(m["old"], m["new"]) for m in _PAIR.finditer(sentence)]
        known = {m.lower() for m in self.view.nodes}
        done = False
        inside = re.compile(r"\b(?:in|of|from|on|im|in der|dans|de|en)\s+[`\"']?$", re.I)
        for match in _PAIR.finditer(sentence):
            old, new = match["old"], match["new"]
            if _COLUMN_DROP.search(sentence) or inside.search(sentence[: match.start("old")]):
                continue
            if old.lower() in known and old in self.view.models and "_" in new + old:
                done |= self._rename_model(old, new)
        if done:
            return True
        if says("rename", sentence) and self._names_of_model(sentence):
            return True
        model = self.model(sentence, must=False)
        if model is None:
            if not says("rename", sentence):
                return False
            self.model(sentence)
            return True
        columns = {c.lower() for c in self.view.columns(model)}
        real = [(o, n) for o, n in pairs if o.lower() in columns and n.lower() not in known]
        if not real and says("rename", sentence):
            read = self._loose_pair(sentence, models or [model])
            if read is None:
                return False
            exact = self.names.columns(read[0], model)
            column = exact[-1].name if exact else self.column(read[0], model)
            if column is None:
                return True
            real = [(column, read[1])]
        for old, new in real:
            for each in self._with_column(old, models or [model]):
                done |= self._rename_column(each, old, new)
        return done

    def _names_of_model(self, sentence: str) -> bool:
        """`rename the model to y` in a sentence that names the model elsewhere."""
        noun = r"(?:model|table|mart|view|modell|tabelle|modèle|modelo|tabla)"
        match = re.search(
            rf"\b{noun}\b[^,;]*?{_ARROW}{_QUOTE}(?P<new>{_IDENTIFIER}){_END}", sentence, re.I
        )
        if not match or _COLUMN_DROP.search(sentence):
            return False
        new = match["new"]
        before = self.names.models(sentence) or self.names.models(self.text)
        if not before or "_" not in new or new in self.view.nodes:
            return False
        return self._rename_model(before[0].name, new)

    def _with_column(self, column: str, models: list[str]) -> list[str]:
        """The models to rename it in: those named that others named do not hand it to."""
        having = [m for m in models if column.lower() in map(str.lower, self.view.columns(m))]
        below = {b for m in having for b in self.view.below(m)}
        return [m for m in having if m not in below] or having or models[:1]

    def _loose_pair(self, sentence: str, models: list[str]) -> tuple[str, str] | None:
        """(what is renamed, the new name) where they are not written as two names."""
        text = without(sentence, models)
        parts = re.split(_ARROW, text, flags=re.I)
        if len(parts) < 2:
            return None
        left, right = parts[-2], parts[-1]
        left = pattern("rename").sub(" ", left)
        right = re.split(r"\s+(?:in|everywhere|across|because|so|please|and|for|,)\b|[,;(]", right)[
            0
        ]
        right = pattern("rename").sub("", right).strip(" .`\"'“”‘’")
        if written := re.match(r"[A-Za-z]\w*_\w+", right):
            right = written.group()
        left = re.sub(r"\b(?:should|must|needs? to|has to|please|and|now|the)\b", " ", left)
        if not right or len(right.split()) > 5:
            return None
        new = right if re.fullmatch(_IDENTIFIER, right) else snake(right)
        if new != right:
            self.assume(f"The new name “{right}” is written `{new}`.")
        return re.sub(
            r"^\W*(?:please|can you|could you|we (?:should|need to))\b",
            "",
            left.strip(),
            flags=re.I,
        ), new

    def _rename_model(self, old: str, new: str) -> bool:
        if new in self.view.nodes:
            self.ask(f"edit:name:{new}", f"There is a `{new}` already. What should `{old}` be called?", [])  # fmt: skip
            return True
        return self.add(RenameModel(model=old, to=new))

    def _rename_column(self, model: str, old: str, new: str) -> bool:
        actual = next((c for c in self.view.columns(model) if c.lower() == old.lower()), old)
        if new.lower() in {c.lower() for c in self.view.columns(model)}:
            self.ask(
                f"edit:name:{new}",
                f"`{model}` has a column `{new}` already. What should `{old}` be called?", [],
            )  # fmt: skip
            return True
        return self.add(RenameColumn(model=model, column=actual, to=new))

    # --- types -------------------------------------------------------------------------------

    def _retype(self, sentence: str) -> bool:
        models = [k.name for k in self.names.models(sentence)]
        model = self.model(sentence, must=False)
        found = named("types", sentence)
        if model is None or not found:
            return False
        turned_from = (
            r"\b(?:instead of|rather than|not|from|is|was|are|of) (?:an? |the )?(?:type )?$"
        )
        wanted = [f for f in found if not re.search(turned_from, sentence[: f[1]], re.I)]
        type_, at = (wanted or found)[-1]
        written = re.match(r"\w+\s*\(\s*\d+\s*(?:,\s*\d+\s*)?\)", sentence[at:])
        columns = [k.name for k in self.names.columns(sentence[:at], model)]
        if not columns:
            head = without(sentence[:at], models)
            head = re.sub(
                r"\b(?:the\s+)?(?:data\s*)?type\s+of\b|\b(?:should|must|needs? to|has to|be|is|a|an|to"
                r"|into|as|from|please|can|could"
                r"|stored|cast|converted|change|make|convert|turn|set|the|type|data)\b",
                " ", head, flags=re.I,
            )  # fmt: skip
            head = " ".join(head.split())
            if head.lower() in _PRONOUNS:
                head = self._spoken_of(sentence, [model]) or head
            link = self.names.column(head, model)
            if (
                link is None
                and not _COLUMN_DROP.search(sentence)
                and "type" not in sentence.lower()
            ):
                return False
            column = self.column(head, model)
            if column is None:
                return True
            columns = [column]
        data_type = written.group() if written else self._sql_type(type_)
        for column in columns:
            self._retype_column(model, column, data_type)
        return True

    def _sql_type(self, name: str) -> str:
        if name == "decimal":
            self.assume("A decimal keeps 18 digits, 2 of them behind the point: `decimal(18, 2)`.")
            return "decimal(18, 2)"
        return name

    def _retype_column(self, model: str, column: str, data_type: str) -> None:
        """Retype, if today's values survive it."""
        lost, example = self.rows.lost_by_cast(model, column, data_type)
        if lost:
            index = self.ask(
                f"edit:retype:{column}",
                f"{lost:,} values of `{model}.{column}` would not survive as {data_type} (such as {example!r}). "
                "What then?",
                [("leave the column as it is", ""), ("those become null", f"{lost:,} values are lost")],
            )  # fmt: skip
            if index != 1:
                if index == 0:
                    self.reading.refused = f"`{model}.{column}` stays as it is, as answered."
                return
        self.add(Retype(model=model, column=column, data_type=data_type))

    # --- removal -----------------------------------------------------------------------------

    def _drop(self, sentence: str) -> bool:
        match = pattern("drop").search(sentence)
        assert match is not None
        if _NEVER.search(sentence[: match.start()]):
            return False
        models = [k.name for k in self.names.models(sentence)]
        model = self.model(sentence, must=False)
        if model is None:
            if _COLUMN_DROP.search(sentence):
                self.model(sentence)
                return True
            return False
        rest = without(sentence[match.end() :], models)
        before = without(sentence[: match.start()], models)
        columns = [k.name for k in self.names.columns(rest, model)]
        columns = columns or [k.name for k in self.names.columns(before, model)]
        is_column = bool(_COLUMN_DROP.search(sentence))
        if not columns and (link := self.names.column(rest, model)) and link.exact:
            columns, is_column = [link.name], True
        if not columns and is_column:
            phrase = re.split(r"[,;(]|\b(?:because|as|since|it|which|that)\b", rest)[0]
            phrase = phrase if _NOUN.sub("", phrase).strip() else before
            parts = [p for p in re.split(r",|\band\b", _NOUN.sub(" ", phrase)) if p.strip()]
            columns = [c for p in parts if (c := self.column(p, model))]
            if not columns:
                return bool(self.asking.open)
        if not columns and not _content(rest) and _PRONOUN.search(sentence):
            spoken = self._spoken_of(sentence, models or [model])
            columns, is_column = ([spoken], True) if spoken else ([], is_column)
        plain = not _ROWS.search(sentence)
        if columns and (is_column or plain or _says_only(rest, columns)):
            for column in columns:
                self._drop_columns(models or [model], column)
            return True
        if models and not _COLUMN_DROP.search(sentence) and not _content(rest):
            return self._drop_model(models[0])
        return False

    def _spoken_of(self, sentence: str, models: list[str]) -> str:
        """The column that the words before a sentence, or itself, named last."""
        before = self.text[: self.text.find(sentence)] if sentence in self.text else self.text
        for text in (sentence, before):
            found = [k.name for m in models for k in self.names.columns(text, m)]
            if found:
                return found[-1]
        words_ = set(re.findall(r"\w+", before.lower()))
        plain = [c for m in models for c in self.view.columns(m) if c.lower() in words_]
        return plain[0] if len(plain) == 1 else ""

    def _drop_columns(self, models: list[str], column: str) -> None:
        """In all models named that have it, those furthest on first."""
        having = [
            m for m in models if column.lower() in map(str.lower, self.view.columns(m))
        ]  # fmt: skip
        for model in sorted(having, key=lambda m: -self.view.order[m]):
            self._drop_column(model, column, [m for m in having if m != model])

    def _drop_column(self, model: str, column: str, others: list[str]) -> None:
        used = [u for u in self._users(model, column) if not any(f"`{o}`" in u for o in others)]
        if others and all("exposure" in u for u in used):
            used = []
        if not used:
            self.add(DropColumn(model=model, column=column))
            return
        listed = "; ".join(used[:6])
        index = self.ask(
            f"edit:drop:{model}.{column}",
            f"`{model}.{column}` is used: {listed}. Drop it there too?",
            [
                ("keep it: nothing is dropped", ""),
                ("drop it there too, with what is made of it", f"{len(used)} places"),
            ],
        )
        if index == 1:
            self.add(DropColumn(model=model, column=column, everywhere=True))
        elif index == 0:
            self.reading.refused = f"`{model}.{column}` stays, as answered: {listed}."

    def _users(self, model: str, column: str) -> list[str]:
        """Who uses a column of a model, in words."""
        known = {k: self.view.columns(k) for k in self.view.nodes}
        carriers, told = {model}, []
        from crew.drafting.edits.sql_edits import SqlSource

        for key in self.view.below(model):
            node = self.view.nodes[key]
            if not set(node.parents) & carriers:
                continue
            try:
                uses = follow(SqlSource(node.raw, self.view.dialect), column, carriers, known)
            except CannotEdit:
                told.append(f"`{key}` may read it")
                continue
            if uses.passed:
                carriers.add(key)
                told.append(f"`{key}` passes it on")
            if uses.computed or uses.elsewhere:
                made = ", ".join(f"`{c}`" for c in uses.computed if c)
                told.append(f"`{key}` uses it" + (f" for {made}" if made else ""))
        for name, reads in self.view.exposures:
            if told and set(reads) & (carriers - {model}):
                told.append(f"the exposure `{name}` reads a model that has it")
        return told

    def _drop_model(self, model: str) -> bool:
        children = self.view.nodes[model].children
        exposed = [name for name, reads in self.view.exposures if model in reads]
        if not children and not exposed:
            return self.add(DropModel(model=model))
        users = [*(f"`{c}`" for c in children), *(f"the exposure `{e}`" for e in exposed)]
        self.ask(
            f"edit:drop:{model}",
            f"`{model}` is read by {', '.join(users)}, which would break. What should they read instead?",
            [("keep it: nothing is dropped", "")],
        )  # fmt: skip
        if not self.asking.open:
            self.reading.refused = f"`{model}` stays: it is read by {', '.join(users)}."
        return True

    # --- macros ------------------------------------------------------------------------------

    def _macro(self, sentence: str) -> bool:
        text = sentence if len(self._macros_in(sentence)) > 1 else self.text
        names = self._macros_in(text)
        if len(names) < 2 or not says("replace", text):
            return False
        old, new = names[0], names[1]
        turned = re.search(r"\buse\b.*\binstead of\b", text, re.I) or re.search(
            rf"\b(?:by|with|mit|par|por)\b.*{re.escape(old)}.*\bfor\b.*{re.escape(new)}", text, re.I
        )
        deprecated = re.search(
            rf"{re.escape(new)}\W+(?:\w+\W+){{0,3}}(?:deprecated|obsolete)", text
        )
        if turned or deprecated:
            old, new = new, old
        have, want = (_arguments(self.view.macros[n]) for n in (old, new))
        if have[0] != want[0] or (have[1] > want[1]):
            index = self.ask(
                f"edit:macro:{old}",
                f"`{old}({self.view.macros[old]})` and `{new}({self.view.macros[new]})` take different "
                "arguments. How are they to be handed over?",
                [("the same arguments in the same order", ""), ("leave it for now", "")],
            )  # fmt: skip
            if index is None:
                return True
            if index == 1:
                self.reading.refused = f"`{old}` stays, as answered."
                return True
        return self.add(ReplaceMacro(old=old, new=new))

    def _macros_in(self, text: str) -> list[str]:
        """Macros of the project and its packages that a text names, in its order."""
        known = {m.split(".")[-1]: m for m in self.view.macros if not m.startswith("dbt.")}
        found = []
        for match in re.finditer(r"(?<![\w.])(?:\w+\.)?(?P<name>\w+)", text):
            name = known.get(match["name"], "")
            if name and name not in found and "_" in match["name"]:
                found.append(name)
        return found


def _arguments(text: str) -> tuple[int, int]:
    """(how many arguments a macro needs, how many it takes)."""
    parts = [p for p in text.split(",") if p.strip()]
    return sum("=" not in p for p in parts), len(parts)


def _says_only(text: str, columns: list[str]) -> bool:
    """Whether a phrase names columns and says nothing else of what is to go."""
    for column in columns:
        text = re.sub(rf"(?<!\w){re.escape(column)}(?!\w)", " ", text, flags=re.I)
    text = re.split(
        r"[;(.]|,\s*(?:it|we|nobody|as|because)\b|\b(?:because|since|isn['’]t|is not|it is)\b", text
    )[0]
    return not _content(text)


def _content(text: str) -> str:
    """What a phrase says beside articles, nouns of the trade and politeness."""
    text = _NOUN.sub(" ", re.sub(r"\([^()]*\)", " ", text))
    return re.sub(
        r"\b(?:the|a|an|our|and|from|in|of|it|them|please|model|table|mart|view|completely|entirely|again|too|as well"
        r"|anymore|any more|nobody uses it|unused|is|not used|now|bitte|und|et|y|we|can|should|could"
        r"|you|to|want|need|let's"
        r"|no longer needed|there|here|be|isn't|by|anybody|used|everywhere)\b|[\W_]+",
        " ", text, flags=re.I,
    ).strip()  # fmt: skip


def _result(edit: Edit) -> str:
    """The model that an edit leaves, where it has another name than before."""
    if isinstance(edit, RenameModel):
        return edit.to
    return ""
