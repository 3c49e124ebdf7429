"""Reads for which rows a test is to hold, and whether it is but to warn."""

from __future__ import annotations

import re
from dataclasses import dataclass

_WARNS = re.compile(
    r"[\s,(]*\b(?:(?:but |and )?(?:only |just )?as (?:a |an )?warnings?(?: only)?|(?:a )?warnings? only"
    r"|only (?:a )?warnings?|(?:with )?severity:? ?(?:of )?warn(?:ing)?|(?:should|must|shall|to) (?:only|just)"
    r" warn(?! (?:me|us|you|when|if)\b)"
    r"|(?:and )?not fail(?:ing)? the build|nur (?:als )?warnung|als warnung|warn only)\b\)?",
    re.I,
)
_FAILS = re.compile(r"\b(?:not|no|never|instead of|rather than)\b[^,;]{0,20}\bwarn", re.I)
_NULLS = re.compile(
    r"[\s,(;]*\b(?:but |and )*(?:(?:ignoring|ignore|allowing|skipping) (?:nulls?|blanks|empty (?:ones|values|rows))"
    r"|(?:nulls?|empty|blanks)"
    r" (?:is|are|values are)(?: also)? (?:fine|ok|okay|allowed|possible)|or (?:null|empty))\b\)?",
    re.I,
)
_NARROWS = re.compile(
    r"\b(?:than|before|after|since|until|with|without|that|which|who|whose|where|from|in|\d+)\b",
    re.I,
)
_LIMITED = (
    re.compile(
        r"[\s,;(–-]+(?:(?:but|and)\s+)?(?:only|just|nur)\s+(?:for|where|when|if|on|among|in|für|wenn|bei)\s+(?P<rows>[^;]+?)[\s.)]*$",
        re.I,
    ),
    re.compile(
        r"[\s,;(]+(?:but\s+)?(?:for|on|among|für|bei)\s+"
        r"(?P<rows>(?:(?!\b(?:for|on|among)\b)[^,;()])+?)\s+(?:only|nur)[\s.)]*$",
        re.I,
    ),
    re.compile(
        r"[\s,;(–-]+(?:(?:but|and)\s+)?(?:except(?:ing)?|but\s+not|not(?=\s+(?:for|in|on|where|when|if)\b)|excluding|unless|apart\s+from|other\s+than|außer|ausser)\s+"
        r"(?:(?:for|when|where|if|in|on|among|bei|für)\s+)?(?P<out>[^;]+?)[\s.)]*$",
        re.I,
    ),
    re.compile(
        r"[\s,;(]+(?:where|when|whenever|if|as\s+soon\s+as|once|wenn|falls|sofern|sobald)\s+(?P<rows>[^;]+?)[\s.)]*$",
        re.I,
    ),
    re.compile(r"[\s,;(]+(?:for|among|für|bei)\s+(?P<maybe>[^;,()]+?)[\s.)]*$", re.I),
)  # fmt: skip


@dataclass(frozen=True)
class TestScope:
    """`whole` is the sentence without what it says of warnings, `text` without the rows too. `rows` are
    those the test is for, or with `is_out` those it is not for; `is_sure` where the words can mean
    nothing else."""

    __test__ = False

    whole: str
    text: str
    rows: str = ""
    is_out: bool = False
    is_sure: bool = True
    warns: bool = False


def scope_of(sentence: str) -> TestScope:
    text = _NULLS.sub(" ", sentence)
    warns = bool(_WARNS.search(text)) and not _FAILS.search(text)
    text = _WARNS.sub(" ", text).strip() if warns else text.strip()
    for pattern in _LIMITED:
        match = pattern.search(text)
        if match is None:
            continue
        said = match.groupdict()
        rows = said.get("rows") or said.get("out") or said.get("maybe") or ""
        return TestScope(
            whole=text,
            text=text[: match.start()].strip(" ,;("),
            rows=rows,
            is_out=bool(said.get("out")),
            is_sure=not said.get("maybe") or bool(_NARROWS.search(rows)),
            warns=warns,
        )
    return TestScope(whole=text, text=text, warns=warns)
