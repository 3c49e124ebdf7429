"""Which clauses of a sentence that was read went into nothing: `rename a to b, and only show 2024`.

A clause counts as read where half of its own words stand in what was made of the ticket. Of the
others, those that command or limit something are given; reasons and politeness are not.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from crew.drafting.vocabulary import name_stems, stem, stem_set, stems

_SPLIT = re.compile(
    r"\s*[;,]\s+|\s+[-–]\s+|\s*[()]\s*|\s+(?=for\b[^,;()]{3,60}\bonly\W*$)|\s+(?=(?:from|since|until|before|after|ab|seit|bis|vor"
    r"|nach)\s+(?:\w+\s+){0,2}\d{4}\b)|\s+(?=\b(?:but|except|unless|once|as soon as|aber|jedoch|außer|ausser|sofern"
    r"|sobald|es sei denn|mais|sauf|pero|salvo|excepto|and|then|und|et|y)\b)",
    re.I,
)  # fmt: skip
_LEAD = re.compile(
    r"^\W*(?:(?:but|and|then|also|please|aber|und|dann|auch|bitte|mais|et|pero|y|additionally|zusätzlich)\b\W*)+",
    re.I,
)
_LIMITS = re.compile(
    r"^\W*(?:only|just|except|excepting|unless|once|as soon as|not|without|excluding|if|when|where|until|since|from|nur"
    r"|außer|ausser|ausgenommen|sofern|sobald|falls|wenn|solange|erst|nicht|ohne|ab|bis|seulement|uniquement|sauf|sans|solo"
    r"|sólo|salvo|excepto|sin|for|für)\b",
    re.I,
)  # fmt: skip
_COMMANDS = re.compile(
    r"^\W*(?:add|rename|drop|remove|delete|round|cast|convert|sort|order|materiali[sz]e|split|filter|show|include"
    r"|exclude|make|set|change|test|document|describe|format|mask|replace|move|multiply|divide|aggregate|group|turn"
    r"|count|sum|keep|call|limit|restrict|use|store|put|write|apply|cap|fill|trim|truncate|update|partition|join)\b"
    r"|^\W*(?:treat|run|tag|hash|build|warn|alert|grant|schedule|backfill|dedupe?|deduplicate|leave|take|throw|hide|flag"
    r"|assign|rebuild|reload|load|null|uppercase|lowercase|capitali[sz]e|swap|switch|translate|map|join|bring|stage|do)\b"
    r"|\b(?:runden|gerundet|sortieren|sortiert|löschen|gelöscht|entfernen|entfernt|umbenennen|umbenannt|hinzufügen"
    r"|ergänzen|ergänzt|ändern|geändert|materialisieren|materialisiert|filtern|gefiltert|anzeigen|zeigen"
    r"|dokumentieren|testen|setzen|ersetzen|aufteilen|zusammenfassen|ausschließen|umwandeln|maskieren|verschieben"
    r"|runder?|arrondir|trier|ajouter|supprimer|renommer|filtrer|redondear|ordenar|añadir|eliminar|renombrar|filtrar)\W*$",
    re.I,
)  # fmt: skip
_BUT = re.compile(
    r"^\W*(?:but|aber|jedoch|mais|pero|however|though)\b.*\b(?:must|should|shall|keeps?|stays?|leaves?|remains?|not|never"
    r"|muss|müssen|soll\w*|bleib\w*|nicht|doi\w+|debe\w*)\b"
    r"|^\W*(?:zero|0)\s+(?:for|unless|until)\b"
    r"|^\W*no\s+\w+\s+(?:for|in|of|on|from)\b",
    re.I,
)
_EMPTY = re.compile(
    r"^\W*(?:but\s+|and\s+)?(?:leave it |keep it )?(?:empty|null|blank|leer)\s+(?:for|where|when|if|unless|while|until"
    r"|bei|wenn|für)\b(?! (?:there )?(?:is |are |was |were )?(?:no|none|nothing)\b)",
    re.I,
)
_HARMLESS = re.compile(
    r"^\W*(?:just (?:like|as)|not (?:longer|needed|used|required|necessary|urgent|sure|because)|nicht (?:mehr|dringend)"
    r"|if (?:possible|you|that|needed|not)|when (?:you|possible)|wenn (?:möglich|ihr|es geht)|only (?:we|nobody)"
    r"|(?:since|from|for|für)\b(?! (?:the )?(?:rows?|those|zeilen|\d|[a-z]+ \d)))",
    re.I,
)
_EXCEPT = re.compile(
    r"(?:not|except|excepting|excluding|without|außer|ausser|nicht|ohne|sauf|salvo|excepto)\b", re.I
)
_ONLY_AT_THE_END = re.compile(r"\b(?:only|nur)\W*$", re.I)
_JOINTS = {
    "for", "of", "in", "on", "at", "by", "with", "from", "and", "or", "but", "if", "when", "where", "since", "while",
    "not", "no", "excluding", "für", "von", "mit",
}  # fmt: skip
_PLAIN = re.compile(
    r"its?|them|they|th(?:is|at|e[sr]e|ose)|rows?|records?|columns?|fields?|models?|tables?|marts?|views?|values?|data|please"
    r"|only|just|except|unless|once|also|too|now|here|there|out|be|is|are|was|will|should|must|can|could|need|want|zeilen?"
    r"|spalten?|tabelle|modell|bitte|es|sie|das|die|der|den|nur|außer|auch|lignes?|colonnes?|filas?|columnas?",
    re.I,
)


def content_words(text: str) -> list[str]:
    """The words of a text that may say more than that there are rows, columns or limits."""
    return [w for w in _words(text) if not _PLAIN.fullmatch(w)]


def commands(text: str) -> bool:
    """Whether a clause or sentence commands something."""
    bare = _LEAD.sub("", text).strip(" .?!:")
    return bool(_COMMANDS.search(bare)) and not _HARMLESS.match(bare)


def limits(text: str) -> bool:
    """Whether a clause or sentence limits which rows something is about."""
    bare = _LEAD.sub("", text).strip(" .?!:")
    if _ONLY_AT_THE_END.search(bare) or _BUT.match(text) or _EMPTY.match(text):
        return True
    return bool(_LIMITS.match(bare)) and not _HARMLESS.match(bare)


def says_empty(text: str) -> bool:
    """Whether a clause says where a value is empty, which it may be of itself."""
    return bool(_EMPTY.match(text))


def unread_clauses(
    sentence: str,
    made: str,
    names: Collection[str],
    columns: Collection[str] = (),
    conditions: str | None = None,
) -> Iterator[str]:
    """Clauses that command or limit and are in nothing of `made`, the texts of what was read;
    `names` are those of models, `columns` those of the models that are changed. Of a limit all words
    must be in `conditions`, the part of `made` that tells rows; `but not x` of a column is followed
    by leaving it as it is."""
    spared = {c.lower() for c in columns}
    own = {n.lower() for n in names}
    told = _told(made)
    of_rows = told if conditions is None else _told(conditions)
    parts = [p for p in _SPLIT.split(sentence) if p and p.strip()]
    commands = [p for p in parts if _COMMANDS.search(_LEAD.sub("", p).strip(" .?!:"))]
    for part in parts:
        bare = _LEAD.sub("", part).strip(" .?!:")
        is_limit, is_command = limits(part), _COMMANDS.search(bare)
        if not bare or not (is_limit or (is_command and not _HARMLESS.match(bare))):
            continue
        if (
            part is parts[0] and not is_limit and len(commands) < 2
        ):  # what the sentence was read for
            continue
        said = [w for w in content_words(bare) if w not in own]
        is_of_columns = _EXCEPT.match(bare) and any(w in spared for w in said)
        if is_of_columns:
            said = [w for w in said if w not in spared]
        empty = stem_set("stops") if is_limit else stem_set("stops") | stem_set("articles")
        content = [s for w in said if (s := stem(w)) not in empty]
        verb = is_command.group().strip().lower() if is_command else ""
        content = [s for s in content if s != stem(verb)] if verb else content
        is_tail = is_limit and part is not parts[0] and not is_of_columns
        if is_tail and not content:  # `only for used tickets`, of plain words
            content = [stem(w) for w in said if w not in _JOINTS]
        words = of_rows if is_tail else told
        known = [s for s in content if s in words or set(name_stems(s)) <= words]
        is_value = [w for w in re.findall(r"\w+", bare)[1:] if w[0].isupper() or w[0].isdigit()]
        lost = is_limit and any(
            stem(w.lower()) not in words for w in is_value if w.lower() not in own
        )
        enough = len(content) if is_tail else len(content) / 2
        if content and (len(known) < enough or lost):
            yield bare


def _told(made: str) -> set[str]:
    return {*stems(made), *name_stems(made), *(stem(w) for w in _words(made))}


def _words(text: str) -> list[str]:
    return [w.lower() for w in re.findall(r"\w+", text)]
