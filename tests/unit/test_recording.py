"""A recording is read as it was written, whatever texts it holds, and whatever was done to its file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from crew.artifacts import Cost, Request
from crew.errors import InvalidInput
from crew.records.recording import (
    Message,
    RecordedCall,
    Recording,
    RecordingHead,
    read_recording,
    resume_recording,
)
from crew.records.run_store import RunStore
from memory.redaction import redacted

TEXTS = [
    "of one line", "of two\nlines\n", "\n led by \n blanks \t", "next\x85line", "a\n---\nb\n...\nc",
    "\ufeffmark", "line\u2028ends\u2029\n", "nul \x00 and \x07", "\r\n", "# - {x: [y]}", "😀 ü\n", "",
]  # fmt: skip


def asked(text: str, answer: str | None = None) -> RecordedCall:
    prompt = (Message(role="user", content=text),)
    return RecordedCall(
        agent="tester", task="t", prompt=prompt, answer=answer, cost=Cost(llm_calls=1)
    )


def recording_of(file: Path, text: str) -> Recording:
    made = Recording(file, redact=redacted)
    made.begin(RecordingHead(request=Request(source="x", key="k", title="T", body=text)))
    return made


@pytest.mark.parametrize("text", TEXTS)
def test_texts_come_back_as_they_were(text: str, tmp_path: Path) -> None:
    call = asked(text, text)
    recording_of(tmp_path / "r.yml", text).keep(call)
    found = read_recording(tmp_path / "r.yml")
    assert found.head.request.body == text
    assert found.calls == (call,)


@pytest.mark.parametrize(
    "text", ["[" * 5000, "just words", "at: 2024-99-99", "\x00", "format: other", ""]
)
def test_what_is_no_recording_is_told(text: str, tmp_path: Path) -> None:
    file = tmp_path / "r.yml"
    file.write_text(text, "utf-8")
    with pytest.raises(InvalidInput, match="no recording"):
        read_recording(file)


def test_a_file_cut_anywhere_gives_the_calls_that_are_whole(tmp_path: Path) -> None:
    file = tmp_path / "r.yml"
    recording = recording_of(file, "")
    recording.keep(asked("one", "1"))
    whole = len(file.read_bytes())
    recording.keep(asked("über\nzwei", "2"))
    content = file.read_bytes()
    for end in range(whole, len(content)):
        file.write_bytes(content[:end])
        found = resume_recording(file)
        assert found and [c.answer for c in found.calls] == ["1"], end
        assert file.read_bytes() == content[:whole]


def test_an_answer_is_used_as_it_is_kept(tmp_path: Path) -> None:
    recording = recording_of(tmp_path / "r.yml", "")
    said = json.dumps({"text": 'token: a1b2c3d4\nof "sk_customer_region_id", ann@example.com'})
    kept = recording.as_kept(said)
    assert json.loads(kept) == {
        "text": 'token: [secret]\nof "sk_customer_region_id", [e-mail]'
    }  # fmt: skip
    assert recording.as_kept(kept) == kept
    recording.keep(asked("", said))
    assert read_recording(tmp_path / "r.yml").calls[0].answer == kept
    plain = '{"sql":"select 1",  "n": 1.50}'
    assert recording.as_kept(plain) == plain
    assert recording.as_kept("password: hunter22, no JSON") == "password: [secret], no JSON"


def test_a_run_that_begins_anew_takes_over_nothing(tmp_path: Path) -> None:
    store, request = RunStore(tmp_path), Request(source="x", key="k", title="T", body="")
    for text, anew, given in (("a", False, "a"), ("b", False, "a"), ("b", True, "b")):
        with store.open("run", request, anew) as run:
            assert run.recording.exists() == (given != text)
            assert run.step("interpret", str, text.strip) == given
            run.recording.touch()
