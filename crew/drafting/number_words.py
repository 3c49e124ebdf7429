"""Numbers, units and nouns as people write them, for the patterns of figures."""

from __future__ import annotations

import re

from crew.drafting.vocabulary import word_set

NUMBER = r"(?:€|\$|£|eur\s|usd\s)?\s?-?\d+(?:[.,]\d+)*(?:\s?(?:k|m)\b)?"
UNIT = r"(?:\s?(?P<unit>%|percent|€|\$|£|eur|euros?|usd|dollars?|gbp|pounds?|chf)(?!\w))?"
NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
            "eleven", "twelve")  # fmt: skip
COUNTS = {word: str(n) for n, word in enumerate(NUMBERS)}
COUNT = r"(?P<count>\d+|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)"


def value_of(text: str) -> float:
    """A number as people write it: 1,000 · 1.000,50 · 1.5 · 2k."""
    text = re.sub(r"[^\d.,km-]", "", text.lower())
    factor = {"k": 1_000, "m": 1_000_000}.get(text[-1:], 1)
    text = text.rstrip("km").rstrip(".,")
    if "," in text and "." in text:
        decimal = max(text.rfind(","), text.rfind("."))
        whole, rest = re.sub(r"[.,]", "", text[:decimal]), text[decimal + 1 :]
        return float(f"{whole}.{rest}") * factor
    if matched := re.fullmatch(r"(-?\d{1,3})((?:[.,]\d{3})+)", text):
        return float(matched[1] + re.sub(r"[.,]", "", matched[2])) * factor
    return float(text.replace(",", ".")) * factor


def noun_of(text: str) -> str:
    """A noun phrase without the words that only open it."""
    tokens = text.strip(" ,.;:").split()
    while tokens and tokens[0].lower() in word_set("articles") | {"been", "being", "a", "the"}:
        tokens = tokens[1:]
    return " ".join(tokens)
