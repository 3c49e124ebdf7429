"""Comments in Jira's two languages, its webhooks, and the settings of its door."""

from __future__ import annotations

import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft4Validator

from crew.errors import InvalidInput, InvalidSettings, PolicyViolation
from triggers.adf_text import adf_to_markdown
from triggers.adf_writer import markdown_to_adf
from triggers.jira_settings import TOKEN, JiraSettings
from triggers.jira_source import Surroundings, to_request
from triggers.jira_webhook import addresses_of
from triggers.rich_text import signature, signed_kind, wiki_to_markdown
from triggers.wiki_writer import markdown_to_wiki

ADF = Path(__file__).parents[1] / "data/contracts/adf.json"
VALIDATOR = Draft4Validator(json.loads(ADF.read_text("utf-8")))
SIGN = signature("question-1a2b", "https://shop.atlassian.net/browse/DATA-1")
CLOUD = {"url": "https://shop.atlassian.net/", "user": "bot@example.com"}
EVERYTHING = """\
# Top

See **bold _both_**, `a*b`, ~~old~~, [docs `x`](https://a.example/x), https://b.example/y.
![shot](https://c.example/s.png) [here](../etc) <b>html</b>\\
next

- one
  1. deep

     ```sql
     select 1
     ```
- > said

  # head

  ---

  | a | b |
  |---|---|
  | 1 | 2 |
-

> # quoted
> ---

| h | i |
|---|---|
| `c` |  |

---

```
```
"""


def test_adf_of_every_markdown_element_is_valid_and_reads_back() -> None:
    document = markdown_to_adf(f"{EVERYTHING}\n\n{SIGN}")
    assert [e.message for e in VALIDATOR.iter_errors(document)] == []
    assert adf_to_markdown(document) == (
        "# Top\n\nSee **bold** _**both**_, `a*b`, ~~old~~, [docs ](https://a.example/x)"
        "[`x`](https://a.example/x), https://b.example/y. shot here <b>html</b>\nnext\n\n"
        "- one\n  1. deep\n     ```sql\n     select 1\n     ```\n"
        "- said\n  head\n  a | b\n  1 | 2\n-\n\n> quoted\n\n"
        f"| h | i |\n| --- | --- |\n| `c` |  |\n\n---\n\n```\n\n```\n\n{SIGN}"
    )


MARKDOWN = st.lists(
    st.sampled_from(["#", "##", "- ", "1. ", "> ", "`", "```", "*", "**", "_", "~~", "|", "\n", "\n\n",
                     "    ", "---\n", "[", "](", "http://x.example", ")", "a", "<b>", "\\", "é", "|--|\n"]),
    max_size=40,
).map("".join)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(MARKDOWN | st.text(max_size=60))
def test_any_text_becomes_a_valid_and_signed_comment(text: str) -> None:
    document = markdown_to_adf(text)
    assert [e.message for e in VALIDATOR.iter_errors(document)] == []
    document["content"] += markdown_to_adf(SIGN)["content"]
    assert signed_kind(adf_to_markdown(document)) == "question-1a2b"
    wiki = f"{markdown_to_wiki(text)}\n\n{markdown_to_wiki(SIGN)}"
    assert signed_kind(wiki_to_markdown(wiki)) == "question-1a2b"


def test_wiki_markup_shows_what_the_markdown_shows() -> None:
    text = (
        "## Top\n\n**bold** _em_ ~~old~~ `a_{b}` [docs](https://a.example/x|y) next  \nline\n\n"
        "- one\n  1. deep\n\n     more\n- two\n\n  # head\n\n  ---\n\n> said\n\n"
        "| h | i |\n|---|---|\n| c |  |\n\n---\n\n"
        "```sql\nselect '{x}'\n```\n\n```\n{code} {noformat}\n```"
    )
    assert markdown_to_wiki(text) == (
        "h2. Top\n\n*bold* _em_ -old- {{a_\\{b}}} [docs|https://a.example/x%7Cy] next\\\\ line\n\n"
        "* one\n*# deep\nmore\n* two\nhead\n\n{quote}\nsaid\n{quote}\n\n||h||i||\n|c| |\n\n----\n\n"
        "{code:sql}\nselect '{x}'\n{code}\n\n{noformat}\n{code} { noformat}\n{noformat}"
    )


def test_words_of_strangers_call_nobody_and_run_nothing_in_wiki_markup() -> None:
    text = r"[~admin] \[~admin] {html}x !http://x.example/p.png! snake_case a|b C:\\x ??c?? *b"
    assert markdown_to_wiki(text) == (
        r"\[\~admin] \[\~admin] \{html}x \!http://x.example/p.png! snake_case a\|b C:&#92;x "
        r"\??c\?? \*b"
    )


def test_a_webhook_names_the_ticket_and_its_parent() -> None:
    issue = {"key": "DATA-2", "fields": {"parent": {"key": "DATA-1"}}}
    body = json.dumps({"webhookEvent": "comment_created", "issue": issue}).encode()
    signed = hmac.new(b"hush", body, hashlib.sha256).hexdigest()
    assert addresses_of({"x-hub-signature": f"sha256={signed}"}, body, "hush") == (
        "DATA-2", "DATA-1",
    )  # fmt: skip


@pytest.mark.parametrize("given", ["", "sha256=", "sha256=0", "sha1=x", "é", "nonsense"])
@pytest.mark.parametrize("secret", ["hush", ""])
def test_a_webhook_that_is_not_signed_with_our_secret_is_refused(given: str, secret: str) -> None:
    with pytest.raises(PolicyViolation, match="not signed") as caught:
        addresses_of({"X-Hub-Signature": given}, b"{}", secret)
    assert "FIRSTMILE_JIRA_WEBHOOK_SECRET" in caught.value.cure


def test_an_unset_secret_lets_nobody_in() -> None:
    signed = hmac.new(b"", b"{}", hashlib.sha256).hexdigest()
    with pytest.raises(PolicyViolation):
        addresses_of({"X-Hub-Signature": f"sha256={signed}"}, b"{}", "")


@pytest.mark.parametrize(
    ("body", "keys"),
    [
        (b"[]", ()), (b"{}", ()), (b"null", ()), (b'{"issue": 5}', ()), (b'{"issue": {"key": 1}}', ()),
        (b'{"issue": {"key": "../x", "fields": []}}', ()), (b"", None), (b"\xff", None),
        (b"[" * 100_000, None),
    ],
)  # fmt: skip
def test_odd_webhooks_name_nothing_or_are_refused(
    body: bytes, keys: tuple[str, ...] | None
) -> None:
    headers = {"X-Hub-Signature": f"sha256={hmac.new(b's', body, hashlib.sha256).hexdigest()}"}
    if keys is None:
        with pytest.raises(InvalidInput, match="no JSON"):
            addresses_of(headers, body, "s")
    else:
        assert addresses_of(headers, body, "s") == keys


def test_settings_take_the_token_from_the_environment_and_tell_the_kind() -> None:
    found = JiraSettings.load(CLOUD, {TOKEN: "secret-1"})
    assert (found.url, found.is_cloud) == ("https://shop.atlassian.net", True)
    assert found.condition == 'labels = "firstmile"'
    assert "secret-1" not in repr(found)
    for url, is_cloud in (
        ("https://api.atlassian.com/ex/jira/1", True), ("https://jira.shop.example/jira", False),
        ("https://atlassian.net.evil.example", False),
    ):  # fmt: skip
        assert JiraSettings.load({**CLOUD, "url": url}, {TOKEN: "t"}).is_cloud == is_cloud


def test_all_problems_of_the_settings_are_told_at_once() -> None:
    wrong = {**CLOUD, "label": "two words", "jql": "project = A ORDER BY key", "token": "abc123",
             "statuses": {"sleeping": "Done"}, "priorities": {"High": 9}, "nope": 1}  # fmt: skip
    with pytest.raises(InvalidSettings) as caught:
        JiraSettings.load(wrong, {})
    for words in (f"{TOKEN} is not set", "jira.token stands", "jira.label", "ORDER BY",
                  "jira.statuses", "jira.priorities", "jira.nope"):  # fmt: skip
        assert words in caught.value.message
    assert "abc123" not in str(caught.value)
    with pytest.raises(InvalidSettings, match="e-mail address"):
        JiraSettings.load({"url": "https://shop.atlassian.net"}, {TOKEN: "t"})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["type", "content", "text", "key", "fields", "summary", "description", "name",
                         "value", "child", "outwardIssue", "inwardIssue", "filename", "author"]),
        inner | st.sampled_from(["doc", "A-1", "paragraph"]),
        max_size=4,
    ),
    max_leaves=20,
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(JSON, JSON)
def test_odd_surroundings_never_stop_the_reading(one: Any, other: Any) -> None:
    around = Surroundings(
        account="a", site="", fields=(("F", one), ("G", other)),
        parts=({"key": "A-2", "fields": one},), parent={"key": other, "fields": other},
        tables=(("t.csv", "```"),),
    )  # fmt: skip
    fields = {"summary": "s", "issuelinks": [one], "attachment": [other, one],
              "comment": {"comments": [one, other]}}  # fmt: skip
    assert to_request({"key": "A-1", "fields": fields}, around).body
