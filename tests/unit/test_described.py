"""Tickets that say how models and columns are to be described, in many forms."""

from __future__ import annotations

import pytest

from crew.artifacts import ColumnCard, Evidence, ModelDraft, RelationCard, Request, RequirementSpec
from crew.drafting.doc_writer import write_docs
from crew.drafting.docs_reader import documentation_request


def card(name: str, description: str, **columns: str) -> RelationCard:
    return RelationCard(
        key=name, unique_id=f"model.zoo.{name}", kind="model", layer="mart", relation_name=name,
        path=f"models/{name}.sql", description=description, row_count=3,
        columns=tuple(
            ColumnCard(name=c, data_type="integer", description=d, nulls=0) for c, d in columns.items()
        ),
    )  # fmt: skip


EVIDENCE = Evidence(
    project="zoo", dialect="duckdb", model_names=("dm_animal", "dm_feed"), sql={},
    relations=(
        card("dm_animal", "One row per animal.", animal_id="Key of the animal", weight="", born_on=""),
        card("dm_feed", "", animal_id="", kilos="", price="Price, EUR"),
    ),
)  # fmt: skip


def read(body: str, title: str = "Docs") -> RequirementSpec | None:
    request = Request(source="cli", key="ZOO-1", title=title, body=body)
    return documentation_request(request, EVIDENCE)[0]


def told(body: str, title: str = "Docs") -> dict[str, str]:
    spec = read(body, title)
    assert spec is not None and not spec.questions, spec and spec.questions
    docs = write_docs(spec, ModelDraft(models=(), rationale="-"), EVIDENCE)
    found = {m.model: m.description for m in docs.models if m.description}
    return found | {f"{m.model}.{c.name}": c.description for m in docs.models for c in m.columns}


WEIGHT, BORN = "dm_animal.weight", "dm_animal.born_on"


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ("Describe dm_animal: weight is the weight in kg, born_on the day of birth.",
         {WEIGHT: "The weight in kg.", BORN: "The day of birth."}),
        ('"weight" in dm_animal is the weight in kg, "born_on" the day. Please document that.',
         {WEIGHT: "The weight in kg.", BORN: "The day."}),
        ("Descriptions for dm_animal:\n- weight: kilograms, as weighed\n- born_on - day of birth",
         {WEIGHT: "Kilograms, as weighed.", BORN: "Day of birth."}),
        ("Docs of dm_animal\n| column | text |\n|---|---|\n| weight | Kilograms |\n| born_on | Day |\nThanks",
         {WEIGHT: "Kilograms.", BORN: "Day."}),
        ("Please write a description for the model dm_feed (what is fed, by day)\nand for its column kilos (kg fed)",
         {"dm_feed": "What is fed, by day.", "dm_feed.kilos": "Kg fed."}),
        ('Describe the models dm_animal ("All animals") and dm_feed ("All feed").',
         {"dm_animal": "All animals.", "dm_feed": "All feed."}),
        ("Bitte in dm_feed die Spalten kilos (Menge in kg) und price (Preis in EUR) beschreiben.",
         {"dm_feed.kilos": "Menge in kg.", "dm_feed.price": "Preis in EUR."}),
        ("Spalte weight in dm_animal dokumentieren: Gewicht in kg", {WEIGHT: "Gewicht in kg."}),
        ("Describe weight in dm_animal. It's the weight of the last weighing.",
         {WEIGHT: "The weight of the last weighing."}),
        ("dm_animal.weight → \"Weight, kg\"; dm_feed.kilos → \"Feed, kg\" (descriptions)",
         {WEIGHT: "Weight, kg.", "dm_feed.kilos": "Feed, kg."}),
        ("Extend the description of dm_animal with \"Dead ones included.\"",
         {"dm_animal": "One row per animal. Dead ones included."}),
        ("Add to the description of price in dm_feed that VAT is included.",
         {"dm_feed.price": "Price, EUR. VAT is included."}),
        ('Replace the description of dm_feed.price by "Price without VAT".',
         {"dm_feed.price": "Price without VAT."}),
        ("Copy the description of animal_id from dm_animal to dm_feed.",
         {"dm_feed.animal_id": "Key of the animal."}),
        ("animal_id in dm_feed should have the same description as in dm_animal.",
         {"dm_feed.animal_id": "Key of the animal."}),
        ("Document that animal_id in dm_feed and in dm_animal is never used twice.",
         {"dm_feed.animal_id": "Never used twice.",
          "dm_animal.animal_id": "Key of the animal. Never used twice."}),
        ("The description of dm_animal.weight should be: kilograms (net), as of today",
         {WEIGHT: "Kilograms (net), as of today."}),
    ],
)  # fmt: skip
def test_a_text_goes_to_the_name_that_it_stands_behind(body: str, wanted: dict[str, str]) -> None:
    assert told(body) == wanted


def test_what_was_written_before_is_said() -> None:
    spec = read('Set the description of dm_animal to "All animals"')
    assert spec and "`dm_animal` was described as “One row per animal.”." in spec.notes


def test_items_are_read_to_their_ends_and_the_model_is_not_forgotten() -> None:
    body = (
        "dm_feed has no documentation. Describe the model and its columns please:\n"
        "- kilos: weight incl. bags; leftovers left out\n- price: EUR, net. Nothing added."
    )
    assert told(body) == {
        "dm_feed": "Rows.",
        "dm_feed.kilos": "Weight incl. bags; leftovers left out.",
        "dm_feed.price": "EUR, net. Nothing added.",
    }
    lines = "Please describe dm_animal:\nweight: kg, live\nborn_on = day of birth, or of arrival"
    assert told(lines) == {WEIGHT: "Kg, live.", BORN: "Day of birth, or of arrival."}


@pytest.mark.parametrize(
    ("body", "about"),
    [
        ("Remove the description of weight in dm_animal.", "not taken away"),
        ("kilos in dm_feed should have the same description as weight in dm_animal.", "to be copied"),
        ("Describe weight (kg) and born_on (day) of dm_animal, and mention that dead ones are in there.",
         "dead ones"),
    ],
)  # fmt: skip
def test_what_cannot_be_written_is_asked(body: str, about: str) -> None:
    spec = read(body)
    assert spec and about in " ".join(q.text for q in spec.questions)


@pytest.mark.parametrize(
    "body",
    [
        "Please document the columns of dm_animal.",
        "Add kilos of the feed to dm_animal, described and never empty.",
        "Describe weight, it is in kg, and test dm_animal: animal_id should be tested to be unique.",
    ],
)
def test_other_wishes_are_left_to_others(body: str) -> None:
    assert read(body) is None


def test_of_two_models_neither_is_forgotten() -> None:
    assert set(told("Describe dm_animal and dm_feed.")) == {
        WEIGHT, BORN, "dm_feed.animal_id", "dm_feed.kilos"
    }  # fmt: skip
