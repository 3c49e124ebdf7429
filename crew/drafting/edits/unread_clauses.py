"""Which clauses of a sentence that was read went into nothing: `rename a to b, and only show 2024`.

A clause counts as read where half of its own words stand in what was made of the ticket. Of the
others, those that command or limit something are given; reasons and politeness are not.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from crew.drafting.vocabulary import name_stems, stem, stem_set, stems

_SPLIT = re.compile(
    r"\s*[;,]\s+|\s+[-–]\s+|\s*[()]\s*|\s+(?=\b(?:but|except|unless|once|as soon as|aber|jedoch|außer|ausser|sofern"
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
    r"|\b(?:runden|gerundet|sortieren|sortiert|löschen|gelöscht|entfernen|entfernt|umbenennen|umbenannt|hinzufügen"
    r"|ergänzen|ergänzt|ändern|geändert|materialisieren|materialisiert|filtern|gefiltert|anzeigen|zeigen"
    r"|dokumentieren|testen|setzen|ersetzen|aufteilen|zusammenfassen|ausschließen|umwandeln|maskieren|verschieben"
    r"|runder?|arrondir|trier|ajouter|supprimer|renommer|filtrer|redondear|ordenar|añadir|eliminar|renombrar|filtrar)\W*$",
    re.I,
)  # fmt: skip
_HARMLESS = re.compile(
    r"^\W*(?:just (?:like|as)|not (?:longer|needed|used|required|necessary|urgent|sure|because)|nicht (?:mehr|dringend)"
    r"|if (?:possible|you|that|needed|not)|when (?:you|possible)|wenn (?:möglich|ihr|es geht)|only (?:we|nobody)"
    r"|(?:since|from|for|für)\b(?! (?:the )?(?:rows?|those|zeilen|\d|[a-z]+ \d)))",
    re.I,
)
_PLAIN = re.compile(
    r"its?|them|they|th(?:is|at|e[sr]e|ose)|rows?|records?|columns?|fields?|models?|tables?|marts?|views?|values?|data|please"
    r"|only|just|except|unless|once|also|too|now|here|be|is|are|was|will|should|must|can|could|need|want|zeilen?"
    r"|spalten?|tabelle|modell|bitte|es|sie|das|die|der|den|nur|außer|auch|lignes?|colonnes?|filas?|columnas?",
    re.I,
)


def unread_clauses(sentence: str, made: str, names: Collection[str]) -> Iterator[str]:
    """Clauses that command or limit and are in nothing of `made`, the texts of what was read;
    `names` are those of models."""
    told = {*stems(made), *name_stems(made), *(stem(w) for w in _words(made))}
    own = {n.lower() for n in names}
    parts = [p for p in _SPLIT.split(sentence) if p and p.strip()]
    commands = [p for p in parts if _COMMANDS.search(_LEAD.sub("", p).strip(" .?!:"))]
    for part in parts:
        bare = _LEAD.sub("", part).strip(" .?!:")
        is_limit, is_command = _LIMITS.match(bare), _COMMANDS.search(bare)
        if not bare or _HARMLESS.match(bare) or not (is_limit or is_command):
            continue
        if (
            part is parts[0] and not is_limit and len(commands) < 2
        ):  # what the sentence was read for
            continue
        said = [w for w in _words(bare) if w not in own and not _PLAIN.fullmatch(w)]
        content = [s for w in said if (s := stem(w)) not in stem_set("stops")]
        verb = is_command.group().strip().lower() if is_command else ""
        content = [s for s in content if s != stem(verb)] if verb else content
        known = [s for s in content if s in told or set(name_stems(s)) <= told]
        if content and 2 * len(known) < len(content):
            yield bare


def _words(text: str) -> list[str]:
    return [w.lower() for w in re.findall(r"\w+", text)]
