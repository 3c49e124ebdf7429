"""Which models a ticket names only to say that they stay as they are: `but keep it in stg_orders`."""

from __future__ import annotations

import re
from collections.abc import Sequence

from crew.drafting.edits.names import Names

_NOUN = (
    r"(?:the |our |der |dem |die |das |la |le |el )?(?:model |table |mart |view |modell |tabelle )?"
)
_PLACE = r"(?:from|in|of|on|to|for|within|aus|im|von|vom|bei|an|auf|de|dans|en|du|des|del)"
_NOT = (
    r"(?:\b(?:but|just|and|aber|jedoch|und|mais|et|pero|y)\s+)*"
    r"(?:\b(?:not|nicht|pas|no)\s+(?:also\s+|auch\s+)?(?=" + _PLACE + r"\b)"
    r"|\b(?:except|excepting|apart|aside|other than|außer|ausser|ausgenommen|bis auf|sauf|hormis|salvo|excepto|menos)"
    r"(?:\s+(?:for|from))?\s+)"
)
_STAYS = re.compile(
    r"\b(?:keeps?(?! (?:\w+ ){0,4}out\b)|kept|leaves?(?! (?:\w+ ){0,4}out\b)"
    r"|left(?= (?:alone|as|in|there|un\w+|where)\b)"
    r"|stays?|remains?|retains?|untouched|unchanged|as (?:it|they) (?:is|are)"
    r"|still (?:needs?|uses?|wants?|has to have)|still (?:needed|used)|(?:do not|don['’]t|must not|should not|never)"
    r" (?:touch|change|drop|remove|delete|rename|alter)|bleib\w*|behalten|behält|unverändert|erhalten|belassen"
    r"|(?:nicht|nichts|kein\w*) (?:anfassen|ändern|löschen|entfernen|umbenennen|angefasst|geändert)"
    r"|(?:weiter|weiterhin|noch) (?:gebraucht|benötigt|brauchen|benötigen|braucht|benötigt)"
    r"|gard(?:er|ez|é|ée|és|ées)|reste\w*|inchangée?s?|conserv\w+|quéd\w+|qued\w+|manten\w+|mantien\w+|sin cambios)\b",
    re.I,
)  # fmt: skip
_WORKS = re.compile(
    r"\b(?:(?:go(?:es)?|carry|keeps?|continues?)(?: on)?(?: to)? work(?:s|ing)?|still (?:has to |must |should )?works?"
    r"|(?:must|should|may) (?:still work|not (?:break|stop|fail)|keep (?:on )?(?:working|running))"
    r"|(?:not|never) be (?:broken|affected)|weiter(?:hin)? (?:funktionieren|laufen)|nicht kaputt\w*"
    r"|(?:continue|doit continuer) (?:de|à) fonctionner|seguir funcionando)\b",
    re.I,
)
_ONLY = re.compile(
    r"\b(?:keep|leave|retain|behalten)\s+only\b|\bonly\s+(?:keep|leave|retain)\b", re.I
)
_CLAUSE = re.compile(
    r"(\s*[,;(]\s*(?:(?:but|and|aber|und|mais|et|pero|y|while|whereas|während)\s+)?"
    r"|\s+[-–]\s+|\s*\b(?:but|aber|jedoch|mais|pero|while|whereas|however|and(?= (?:keep|leave|retain)\b)"
    r"|und(?= (?:in|im|bei)\b))\s+)",
    re.I,
)  # fmt: skip
_NOT_THIS = re.compile(r"(?:not|nicht|pas|no)\b(?!\s+(?:longer|needed|used|more|mehr)\b)", re.I)
_EXCEPT = re.compile(
    r"\s(?:except|apart from|außer|ausser|sauf|salvo|excepto)\b[^,;.]*|\s+(?:and|und) (?:not|nicht)\b[^,;.]*",
    re.I,
)
_IF = re.compile(r"\b(?:if|unless|where|when|until|as long as|wenn|falls|solange|si)\b", re.I)
_PRONOUN = re.compile(r"\b(?:it|them|sie|ihn|diese|diesen|la|lo|le)\b", re.I)


def without_spared(sentence: str, names: Names) -> tuple[str, list[str]]:
    """The sentence without what it says of models that stay as they are, and these models; they are
    named nowhere else in it. All of a sentence may be of that kind."""
    found: list[str] = []
    text = sentence
    all_ = [k.name for k in names.models(sentence)]
    for name in all_:
        quoted = rf"[`\"'“]?(?<![\w.]){re.escape(name)}(?!\w)[`\"'”]?"
        left = re.sub(
            rf"\s*[,;]?\s*{_NOT}(?:{_PLACE}\s+)?{_NOUN}{quoted}", "", text, count=1, flags=re.I
        )
        if left != text and not _within(left, [name]):
            text, found = left, [*found, name]
    parts = _CLAUSE.split(text)
    clauses, joints = parts[::2], ["", *parts[1::2]]
    kept: list[str] = []
    cut: list[str] = []
    for n, clause in enumerate(clauses):
        rest = " ".join(c for i, c in enumerate(clauses) if i != n)
        models = _within(clause, all_)
        others = _within(rest, all_)
        if models and goes_on_working(clause):
            cut.append(clause)
            continue
        stays = models and is_kept(clause) and not _IF.search(clause)
        its_columns = any(names.columns(clause, m) for m in models)
        if stays and not set(models) & set(others) and (others or not rest or not its_columns):
            found += models
            cut.append(clause)
        else:
            kept.append((joints[n] if kept else "") + clause)
    text = "".join(kept).strip(" ,;-")
    pronoun = _PRONOUN.search(text)
    if cut and pronoun and not any(names.columns(text, m) for m in all_):
        meant = {c.name for m in found for clause in cut for c in names.columns(clause, m)}
        if len(meant) == 1:  # `keep x in b, drop it from a`
            text = f"{text[: pronoun.start()]}{meant.pop()}{text[pronoun.end() :]}"
    return text, found


def goes_on_working(clause: str) -> bool:
    """Whether a clause says of models only that they go on working, which the checks look after."""
    return bool(_WORKS.search(clause)) and not _IF.search(clause)


def is_kept(clause: str) -> bool:
    """Whether a clause says of what it names that it stays."""
    return bool(_STAYS.search(clause)) and not _ONLY.search(clause)


def clauses_of(sentence: str) -> list[str]:
    """The clauses of a sentence."""
    return [c for c in _CLAUSE.split(sentence)[::2] if c.strip()]


def without_kept(text: str) -> str:
    """A command without the clauses that say what stays: `drop a, but keep b`, `a, not b`."""
    parts = _CLAUSE.split(_EXCEPT.sub(" ", text))
    kept = [parts[0]]
    for joint, clause in zip(parts[1::2], parts[2::2], strict=True):
        if not is_kept(clause) and not _NOT_THIS.match(clause):
            kept.append(joint + clause)
    return "".join(kept)


def _within(text: str, models: Sequence[str]) -> list[str]:
    return [m for m in models if re.search(rf"(?<![\w.]){re.escape(m)}(?!\w)", text, re.I)]
