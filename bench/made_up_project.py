"""A dbt manifest of any size, as large projects look: layers, domains, repeated docs, raw SQL.

Names and descriptions are put together from the vocabulary of twelve domains; about half of the
columns are described, and what every table has (`created_at`) is described alike everywhere.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import cycle, islice
from typing import Any

COLUMNS = 10

# domain -> (systems it comes from, entities, measures, dimensions)
_DOMAINS = {
    "sales": ("shopify salesforce netsuite", "order order_item quote discount basket deal contract",
              "net_revenue gross_sales discount_amount units_sold margin", "channel region seller"),
    "billing": ("stripe zuora chargebee", "invoice payment refund dunning_run credit_note plan",
                "amount_due amount_paid tax_amount fee write_off", "currency method payer"),
    "marketing": ("google_ads meta_ads hubspot", "campaign ad_group click lead newsletter audience",
                  "spend impressions conversions cost_per_lead", "network placement creative"),
    "web": ("segment snowplow ga4", "session page_view experiment search signup form_submission",
            "duration_seconds bounce_rate visits scroll_depth", "device browser landing_page"),
    "support": ("zendesk intercom", "ticket conversation agent macro survey escalation",
                "first_reply_minutes resolution_hours satisfaction backlog", "queue topic priority"),
    "logistics": ("project44 sap_tm fedex", "shipment parcel route stop driver vehicle pallet",
                  "weight_kg distance_km delay_minutes freight_cost", "carrier depot service_level"),
    "inventory": ("netsuite manhattan", "stock_level warehouse_bin cycle_count transfer reorder",
                  "quantity_on_hand days_of_cover shrinkage inventory_value", "warehouse sku brand"),
    "procurement": ("coupa ariba", "purchase_order supplier goods_receipt requisition price_list",
                    "ordered_value lead_time_days rejected_units savings", "category buyer plant"),
    "people": ("workday greenhouse", "employee absence applicant interview payroll_run position",
               "headcount overtime_hours attrition_rate gross_salary", "department office seniority"),
    "finance": ("netsuite datev", "journal_entry cost_center account budget bank_transaction asset",
                "debit credit variance depreciation closing_balance", "legal_entity period ledger"),
    "product": ("amplitude launchdarkly", "feature user workspace license upgrade event",
                "active_users adoption_rate seats usage_minutes", "plan_tier platform app_version"),
    "clinic": ("epic cerner", "patient appointment admission lab_result prescription ward bed",
               "length_of_stay waiting_days no_shows dosage_mg", "specialty physician insurer"),
}  # fmt: skip
_STEPS = ("enriched", "joined", "filtered", "deduplicated", "pivoted", "ranked", "flattened")
_GRAINS = ("day", "week", "month", "quarter")
_EVERYWHERE = {
    "created_at": "When the row was created in the source system, UTC.",
    "updated_at": "When the row was last changed in the source system, UTC.",
    "_loaded_at": "When the loader wrote the row.",
    "is_deleted": "Whether the source has deleted the row; deleted rows are kept.",
}
_MEASURED = (
    "{m} of the {e}, as {s} reports it",
    "Total {m} over all lines of the {e}, before it is {w} with {os}",
    "{m} after corrections by the {d} team; empty until the {e} is closed by {s}",
    "{m} of one {e} in the currency of its {x}, {g} by {g}",
)
_SPLIT = (
    "{x} to which the {e} belongs at the time of booking, per {g}",
    "{x} of the {e} as entered by hand in {s}, may be missing for a {o}",
    "Code of the {x} for {m}, see the {d} handbook",
)
_ABOUT = {
    "stg": "{e} records of {s}, renamed and cast, one row per {e}.",
    "int": "{e} {w} with {o}, one row per {e}; used by the {d} marts.",
    "fct": "One row per {e} with {m} and {m2}, split by {x}; the base of {d} reporting.",
    "dim": "All {es} of {d} with their {x}, as they are today.",
    "agg": "{m} by {x} per {g}, from closed {es} only; shown on the {d} dashboard.",
}


def manifest(models: int, seed: int = 7) -> dict[str, Any]:
    """As dbt writes it, as far as `DbtProject` reads it."""
    chance = random.Random(seed)
    nodes: dict[str, dict[str, Any]] = {}
    staged: list[str] = []
    for name, layer, parts in islice(_names(), models):
        if layer == "stg" or len(staged) < 2:
            parents: list[str] = []
            staged.append(f"model.made_up.{name}")
        else:
            parents = chance.sample(staged, chance.randint(1, min(4, len(staged))))
        nodes[f"model.made_up.{name}"] = _node(name, layer, parts, parents, chance)
    return {
        "metadata": {"project_name": "made_up", "adapter_type": "duckdb"},
        "nodes": nodes, "sources": {}, "macros": {}, "docs": {},
    }  # fmt: skip


def _names() -> Iterator[tuple[str, str, dict[str, str]]]:
    """(model, its layer, its words), all domains in turn; the first names are the plainest."""
    seen = set()
    for round_ in range(10_000):
        for domain, (systems, entities, measures, splits) in _DOMAINS.items():
            chance = random.Random(f"{round_} {domain}")
            layer = next(islice(cycle(_ABOUT), round_ % 5, None))
            m, m2 = chance.sample(measures.split(), 2)
            e, o = chance.sample(entities.split(), 2)
            words = {
                "d": domain, "s": chance.choice(systems.split()), "e": e, "o": o, "m": m, "m2": m2,
                "x": chance.choice(splits.split()), "w": chance.choice(_STEPS),
                "g": chance.choice(_GRAINS), "es": _plural(e), "os": _plural(o),
            }  # fmt: skip
            name = {
                "stg": "stg_{s}__{es}", "int": "int_{es}_{w}_with_{os}", "fct": "fct_{e}_{m}",
                "dim": "dim_{d}_{es}", "agg": "{e}_{m}_by_{x}_per_{g}",
            }[layer].format(**words)  # fmt: skip
            if name in seen:
                name = f"{name}_{chance.choice(splits.split())}_{chance.choice(_STEPS)}"
            if name in seen:
                name = f"{name}_v{round_}"
            seen.add(name)
            yield name, layer, words


def _plural(word: str) -> str:
    if word.endswith("y"):
        return f"{word[:-1]}ies"
    return word + ("es" if word.endswith(("s", "ch")) else "s")


def _node(
    name: str, layer: str, words: dict[str, str], parents: list[str], chance: random.Random
) -> dict[str, Any]:
    _, _, measures, splits = _DOMAINS[words["d"]]
    said = {k: v.replace("_", " ") for k, v in words.items()}
    columns = {f"{words['e']}_id": f"Primary key, one per {said['e']}."}
    everywhere = list(_EVERYWHERE.items())
    columns |= dict(chance.sample(everywhere, 2))
    while len(columns) < COLUMNS:
        measured = chance.random() < 0.6
        word = chance.choice((measures if measured else splits).split())
        column = word if measured else f"{word}_{chance.choice(('code', 'name', 'group'))}"
        prefix = chance.choice(["", f"{words['e']}_", "first_", "last_", "adjusted_", "planned_"])
        sentence = chance.choice(_MEASURED if measured else _SPLIT)
        told = said | {"m" if measured else "x": (prefix + word).replace("_", " ")}
        columns[prefix + column] = sentence.format(**told) + "."
    # Half of them are documented, the key among them.
    silent = set(chance.sample(list(columns)[1:], COLUMNS // 2))
    described = {c: "" if c in silent else d for c, d in columns.items()}
    folder = "staging" if layer == "stg" else "intermediate" if layer == "int" else "marts"
    path = f"models/{folder}/{words['d']}/{name}.sql"
    return {
        "resource_type": "model", "name": name, "unique_id": f"model.made_up.{name}",
        "description": _ABOUT[layer].format(**said) if chance.random() < 0.8 else "",
        "original_file_path": path, "patch_path": "", "config": {"materialized": "table"},
        "raw_code": _sql(list(columns), layer, parents),
        "depends_on": {"nodes": parents},
        "columns": {c: {"name": c, "description": d} for c, d in described.items()},
    }  # fmt: skip


def _sql(columns: list[str], layer: str, parents: list[str]) -> str:
    summed = layer == "agg"
    shown = [columns[0], *(f"sum({c}) as {c}" if summed else c for c in columns[1:])]
    first, *others = [p.rsplit(".", 1)[1] for p in parents] or ["raw"]
    joins = "".join(f"\nleft join {{{{ ref('{o}') }}}} using ({columns[0]})" for o in others)
    listed = ",\n    ".join(shown)
    grouped = "\ngroup by 1" if summed else ""
    return f"select\n    {listed}\nfrom {{{{ ref('{first}') }}}}{joins}{grouped}\n"
