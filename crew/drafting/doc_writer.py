"""Writes descriptions out of agreed definitions, upstream docs, formulas and the data itself."""

from __future__ import annotations

import re
from calendar import day_name, month_name

from crew.artifacts import (
    ColumnCard,
    ColumnDoc,
    Derived,
    Dimension,
    DocSet,
    DraftModel,
    Evidence,
    Grounding,
    Metric,
    ModelDoc,
    ModelDraft,
    RequirementSpec,
)
from crew.catalog.dbt_project import entity_of
from crew.drafting.column_words import (
    bare,
    computed_words,
    derived_words,
    formula_words,
    measure_words,
    top_words,
)
from crew.drafting.history_tests import history_doc
from crew.drafting.vocabulary import singular, words
from crew.verification.documentation_checks import is_filler

_OTHER_ZONE = re.compile(r"(?i)\s*\(?\b(?:in )?(?:UTC|GMT|local time\b[^.]*)\)?(?=\.|$)")


def write_docs(spec: RequirementSpec, draft: ModelDraft, evidence: Evidence) -> DocSet:
    """Descriptions for what is new; for a change, of the added columns only."""
    if not draft.models:
        wanted = dict.fromkeys(d.model or spec.target for d in spec.wanted_docs)
        return DocSet(models=tuple(_existing(spec, evidence, model) for model in wanted))
    return DocSet(models=tuple(_model(spec, model, evidence) for model in draft.models))


def _model(spec: RequirementSpec, model: DraftModel, evidence: Evidence) -> ModelDoc:
    if spec.kind == "stage_source":
        return _staging(spec, model, evidence)
    if spec.extends:
        return _extended(spec, model, evidence)
    if spec.history:
        return history_doc(spec, model, [_dimension(d, evidence) for d in spec.dimensions])
    columns = [_dimension(d, evidence) for d in spec.dimensions]
    if spec.kind == "change_model":
        columns += [
            ColumnDoc(
                name=m.name, description=measure_words(m.measures[0], spec), grounding=m.grounding
            )
            for m in spec.metrics
        ]
        columns += list(_existing(spec, evidence, spec.target).columns)
        return ModelDoc(
            model=model.name, description=_undescribed(spec, evidence), columns=tuple(columns)
        )
    if spec.time:
        columns.insert(
            0,
            ColumnDoc(
                name=spec.time.column,
                description=_period_words(spec),
                grounding=spec.time.grounding,
            ),
        )
    for metric in spec.metrics:
        columns += _metric_columns(metric, spec, {c.name for c in columns})
    columns += [_derived(d, spec) for d in spec.derived]
    return ModelDoc(model=model.name, description=_description(spec), columns=tuple(columns))


def _extended(spec: RequirementSpec, model: DraftModel, evidence: Evidence) -> ModelDoc:
    """The added columns alone."""
    card = evidence.relation(spec.target)
    have = {c.name for c in card.columns} if card else set()
    columns: list[ColumnDoc] = []
    for metric in spec.metrics:
        columns += _metric_columns(metric, spec, have | {c.name for c in columns})
    columns += [_derived(d, spec) for d in spec.derived]
    described = _undescribed(spec, evidence)
    return ModelDoc(model=model.name, description=described, columns=tuple(columns))


def _undescribed(spec: RequirementSpec, evidence: Evidence) -> str:
    """A description for a changed model that has none: its grain and what it reads."""
    card = evidence.relation(spec.target)
    if card is None or card.description:
        return ""
    known = {c.unique_id: c.key for c in evidence.relations}
    read = [f"`{known[p]}`" for p in card.parents if p in known]
    keys = " and ".join(_plain(c) for c in spec.row_grain)
    grain = f"One row per {keys}" if keys else "Rows"
    return f"{grain}{', from ' + ' and '.join(read) if read else ''}."


def _description(spec: RequirementSpec) -> str:
    grain = " and ".join(_plain(g) for g in spec.row_grain)
    opening = ", ".join(m.label for m in spec.metrics)
    text = (
        f"{opening[:1].upper()}{opening[1:]}, one row per {grain}."
        if grain
        else f"{opening[:1].upper()}{opening[1:]}, a single row."
    )
    if not opening:
        shown = " and ".join(dict.fromkeys(f"`{d.relation}`" for d in spec.dimensions))
        text = f"One row per {grain}, from {shown}."
    if spec.look_back:
        text += f" Only {spec.look_back.words}, seen from the latest day in the data."
    if spec.date_range:
        start, end = spec.date_range.start, spec.date_range.end
        bounds = [f"from {start}" if start else "", f"before {end}" if end else ""]
        text += f" Only {' '.join(b for b in bounds if b)}."
    if spec.spine:
        some = "".join(f" with {bare(f)}" for f in spec.spine_filters)
        text += f" Each row of `{spec.spine}`{some} is there, with zero where nothing was counted."
    if spec.top:
        text += f" {top_words(spec.top, spec.time.grain if spec.time else None)}"
    for condition in spec.filters:
        text += f" Only rows with {bare(condition.condition)}."
    definitions = dict.fromkeys(
        m.definition.rstrip(".")
        for m in spec.metrics
        if m.grounding.source == "glossary" and m.definition
    )
    for definition in definitions:
        text += f" {definition}."
    return text


def _period_words(spec: RequirementSpec) -> str:
    zone = spec.calendar.zone or spec.calendar.zone_column
    return _first_day_words(spec) + (f" By the clocks of {zone}." if zone else "")


def _first_day_words(spec: RequirementSpec) -> str:
    assert spec.time is not None
    grain = spec.time.grain
    if grain == "hour":
        return "Beginning of the hour that the row is about."
    if grain == "day":
        return "Day that the row is about."
    if grain == "week":
        weekday = day_name[spec.calendar.week_starts]
        return f"First day of the week that the row is about, a {weekday}."
    name, month = spec.calendar.name_of(grain).replace("_", " "), spec.calendar.year_starts
    since = f"; fiscal years begin in {month_name[month]}" if name != grain else ""
    return f"First day of the {name} that the row is about{since}."


def _metric_columns(metric: Metric, spec: RequirementSpec, have: set[str]) -> list[ColumnDoc]:
    found = []
    simple = metric.formula == metric.measures[0].name
    for measure in metric.measures:
        if measure.name not in have and not simple:
            found.append(
                ColumnDoc(
                    name=measure.name,
                    description=measure_words(measure, spec),
                    grounding=metric.grounding,
                )
            )
    if simple and metric.name not in have:
        text = measure_words(metric.measures[0], spec)
        if metric.grounding.source == "glossary" and metric.definition:
            text = metric.definition.rstrip(".") + "."
        found.append(ColumnDoc(name=metric.name, description=text, grounding=metric.grounding))
    elif metric.name not in have:
        empty = " Empty where the divisor is zero." if "/" in metric.formula else ""
        unit = f" In {metric.unit}." if metric.unit and metric.unit != "ratio" else ""
        text = f"{metric.label[:1].upper()}{metric.label[1:]}: {formula_words(metric.formula)}.{empty}{unit}"
        found.append(ColumnDoc(name=metric.name, description=text, grounding=metric.grounding))
    return found


def _derived(derived: Derived, spec: RequirementSpec) -> ColumnDoc:
    said = derived_words(derived, spec)
    return ColumnDoc(name=derived.name, description=said, grounding=derived.grounding)


def _dimension(dimension: Dimension, evidence: Evidence) -> ColumnDoc:
    card = evidence.relation(dimension.relation)
    column = card.column(dimension.column) if card else None
    origin = Grounding(source="column", text=f"{dimension.relation}.{dimension.column}")
    if dimension.expression:
        said = computed_words(dimension, evidence.dialect)
        return ColumnDoc(name=dimension.name, description=said, grounding=origin)
    if column and column.told and not is_filler(dimension.name, column.told):
        return ColumnDoc(name=dimension.name, description=column.told, grounding=origin)
    if known := _known_words(dimension.name, dimension.column, dimension.relation, evidence):
        return known
    examples = ", ".join(f"'{v}'" for v in (column.values[:3] if column else ()))
    text = f"`{dimension.column}` of `{dimension.relation}`" + (
        f", for example {examples}." if examples else "."
    )
    return ColumnDoc(name=dimension.name, description=text, grounding=origin)


def _known_words(name: str, column: str, relation: str, evidence: Evidence) -> ColumnDoc | None:
    """What the glossary says of a column `name` of the result, else how the project describes such
    a column, or the one it comes from, elsewhere."""
    for term in evidence.glossary:
        named = any(words(name) == words(n) for n in (term.name, *term.synonyms))
        if named and not term.formula and not is_filler(name, term.definition):
            agreed = Grounding(source="glossary", text=f"{term.name} ({term.origin})")
            return ColumnDoc(name=name, description=term.definition, grounding=agreed)
    own = singular(entity_of(relation))
    found = {(w.column, w.entity): w for w in evidence.wordings}
    for wanted, entity in ((name, own), (name, ""), (column, own), (column, "")):
        if wording := found.get((wanted.lower(), entity)):
            origin = Grounding(source="precedent", text=f"as in {wording.provenance}")
            return ColumnDoc(name=name, description=wording.description, grounding=origin)
    return None


def _staging(spec: RequirementSpec, model: DraftModel, evidence: Evidence) -> ModelDoc:
    source = evidence.relation(spec.target)
    staging = spec.staging
    assert source is not None and staging is not None
    columns = []
    for staged in staging.columns:
        card = staged.behind(source)
        if staged.expression.lower().startswith("case "):
            words_of = f"`{staged.source}` in words, by the list in the request."
            columns.append(
                ColumnDoc(name=staged.name, description=words_of, grounding=staged.grounding)
            )
            continue
        told = card.told.rstrip(".") if card else ""
        known = None
        if not told and staged.name != staging.key:
            known = _known_words(staged.name, staged.source, source.key, evidence)
        if known:
            columns.append(known)
            continue
        if "decimal" in staged.expression:
            told = told.replace("in cents", "in currency units").replace("cents", "currency units")
        key = f"`{'.'.join(staged.path[1:])}` in " if staged.path else ""
        text = f"{told}." if told else f"{key}`{staged.source}` of the source"
        if not told:
            examples = ", ".join(f"'{v}'" for v in (card.values[:3] if card else ()))
            text += (
                f", for example {examples}."
                if examples
                else f", as {card.data_type if card else 'is'}."
            )
        if is_filler(staged.name, text):
            text = f"`{staged.source}` of `{source.key}`: {text}"
        if staged.zone and not (told and staged.expression == f'"{staged.source}"'):
            text = f"{_OTHER_ZONE.sub('', text).strip(' .') or staged.name}, in {staged.zone}."
        columns.append(ColumnDoc(name=staged.name, description=text, grounding=staged.grounding))
    what = source.description.split(".")[0] if source.description else f"Rows of {source.key}"
    parts = [
        f"{what}, cleaned; one row per {_plain(staging.key)}."
        if staging.key
        else f"{what}, cleaned."
    ]
    if staging.latest_by:
        which = "first" if staging.takes_first else "latest"
        parts.append(f"Of repeated deliveries the one with the {which} {staging.latest_by} holds.")
    if staging.increment:
        days = staging.increment.days
        late = f"{days} day{'s' * (days != 1)}"
        parts.append(f"Loaded incrementally; rows may come up to {late} late.")
    if staging.keep:
        parts.append(f"Only rows with {bare(staging.keep)} are there.")
    return ModelDoc(model=model.name, description=" ".join(parts), columns=tuple(columns))


def _existing(spec: RequirementSpec, evidence: Evidence, model: str) -> ModelDoc:
    """Descriptions of existing columns of a model that the request asks for, from where they come
    from."""
    card = evidence.relation(model)
    columns = []
    described = ""
    for wanted in spec.wanted_docs:
        if (wanted.model or spec.target) != model:
            continue
        name = wanted.column
        if wanted.text:
            said = Grounding(source="ticket", text=wanted.text)
            text = wanted.text[:1].upper() + wanted.text[1:]
            if name:
                columns.append(ColumnDoc(name=name, description=text, grounding=said))
            else:
                described = text
            continue
        column = card.column(name) if card else None
        origin = next(
            (
                (r.key, c)
                for r in evidence.relations
                if card and r.unique_id in card.parents
                for c in r.columns
                if c.name == name and c.description
            ),
            None,
        )
        if origin is None and column and column.inherited:
            text = column.inherited
            grounding = Grounding(source="column", text=f"above {model}.{name}")
        elif origin:
            text, grounding = (
                origin[1].description,
                Grounding(source="column", text=f"{origin[0]}.{name}"),
            )
        elif known := _known_words(name, name, model, evidence):
            text, grounding = known.description, known.grounding
        else:
            text = _from_data(name, column)
            grounding = Grounding(source="column", text=f"{model}.{name}: profile", confidence=0.6)
        columns.append(ColumnDoc(name=name, description=text, grounding=grounding))
    return ModelDoc(model=model, description=described, columns=tuple(columns))


def _from_data(name: str, column: ColumnCard | None) -> str:
    if column is None:
        return f"`{name}`."
    if column.values:
        return f"One of {', '.join(repr(v) for v in column.values[:6])}{' …' if len(column.values) > 6 else ''}."
    if column.is_unique:
        return "Unique for each row."
    if column.minimum is not None:
        return f"{column.data_type}, from {column.minimum} to {column.maximum} in today's data."
    return f"{column.data_type}, {column.distinct} different values in today's data."


def _plain(name: str) -> str:
    return " ".join(words(name))
