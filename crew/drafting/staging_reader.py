"""Plans the staging of a source table: names, types, duplicates and removed rows, from its data."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

import sqlglot
from sqlglot import exp

from crew.artifacts import (
    Assumption,
    ColumnCard,
    Evidence,
    Grounding,
    RelationCard,
    Request,
    RequirementSpec,
    StagedColumn,
    Staging,
)
from crew.catalog.dbt_project import entity_of
from crew.catalog.evidence import contains, mentions
from crew.catalog.json_fields import SAMPLE
from crew.catalog.warehouse_profile import (
    is_arrival,
    is_boolean,
    is_numeric,
    is_temporal,
    is_text,
    quoted,
)
from crew.drafting.edits.empties import is_documented_empty
from crew.drafting.freshness_reader import staged_freshness
from crew.drafting.json_paths import json_value
from crew.drafting.questions import Asking
from crew.drafting.schema_linker import entity_stems
from crew.drafting.spoken_names import column_stems
from crew.drafting.staging_columns import left_out
from crew.drafting.staging_filters import FilterReader, RowFilter, WhichDate, together
from crew.drafting.staging_increments import IncrementReader, without_wish
from crew.drafting.staging_json import unnested
from crew.drafting.staging_mappings import case, counted, mappings
from crew.drafting.staging_wishes import row_wishes, type_words, unread
from crew.drafting.staging_words import Cleaning, cleanings, unwrapped
from crew.drafting.staging_words import expression as cleaned
from crew.drafting.staging_zones import (
    MOMENT,
    in_zone,
    without_zone,
    zone_clauses,
    zone_of,
    zone_wishes,
)
from crew.drafting.ticket_reader import read_ticket
from crew.drafting.vocabulary import alike, singular, snake, spelt_out, stems
from crew.drafting.wish import Wish
from crew.errors import InvalidInput
from crew.ports import Warehouse

_IDENTIFIER = re.compile(r"\b[a-z][a-z0-9]*(?:_[a-z0-9]+)*\b")
_STAGE = re.compile(
    r"(?:^|[.!?:,;\n]\s*|\b(?:please|to|you|we|also|and|must|should)\s+)stage\b(?=\s+\w)"
    r"|\bstaging\s+(?:model|table|view|layer|for|of)\b|\b(?:no|a|the)\s+staging\b|\bstg\b"
    r"|\bstaging[- ]modell\w*|\bmod(?:elo|èle)\s+(?:de\s+)?staging\b|\bstagen\b",
    re.I,
)
_REMOVED = re.compile(
    r"^_?(?:is_)?(?:deleted|removed|soft_deleted|_fivetran_deleted)(?:_at|_on|_flag)?$|^_fivetran_deleted$",
    re.I,
)
_OLD, _NEW = ("a", "c", "e", "g"), ("b", "d", "f", "h")
_Q = r"[`\"']?"
_ENDS = r"(?=[`\"']?\s*(?:[,.;)\n]|$|\b(?:and|und)\b))"
_CALLED = re.compile(
    rf"\bcall\s+(?:the\s+)?(?:column\s+)?{_Q}(?P<a>\w+){_Q}\s+{_Q}(?P<b>[a-z]\w*){_ENDS}"
    rf"|(?<![\w.]){_Q}(?P<c>\w+){_Q}\s*(?:->|→|=>)\s*{_Q}(?P<d>[a-z]\w*){_ENDS}"
    rf"|(?<![\w.]){_Q}(?P<e>\w+){_Q}\s+(?:(?:should|is\s+to|must)\s+be\s+(?:called|named)|is\s+called|heißt)\s+{_Q}(?P<f>[a-z]\w*)"
    rf"|(?<=\s){_Q}(?P<g>\w+){_Q}\s+(?:to|into|in|zu)\s+{_Q}(?P<h>[a-z]\w*){_ENDS}",
    re.I,
)
_RENAMES = re.compile(r"\b(?:renam\w+|umbenenn\w*|umbenannt|renomm\w+|renombr\w+)\b", re.I)
_CENTS = re.compile(r"(?:^|_)cents?$|\bin cents\b|\bcents\b", re.I)


def wants_staging(text: str, evidence: Evidence) -> bool:
    """Whether a ticket asks for a staging model, by that word or by the project's own prefix."""
    if _STAGE.search(text):
        return True
    prefix = evidence.conventions.staging_pattern.split("{")[0].rstrip("_")
    return bool(prefix) and bool(re.search(rf"\b{re.escape(prefix)} (?:model|table)\b", text, re.I))


def staging_request(
    request: Request, evidence: Evidence, warehouse: Warehouse | None
) -> RequirementSpec | None:
    """The specification of a staging model; None for a request that asks for something else."""
    text = f"{request.title}\n{request.body}"
    named = [n for n in evidence.model_names if n in text]
    known = [n for n in named if re.search(rf"(?<![\w.]){re.escape(n)}(?!\w)", text)]
    source = source_named(text, evidence) if not known and wants_staging(text, evidence) else None
    if source is None:
        return None
    return read_staging(request, read_ticket(request), source, evidence, warehouse)


def source_named(text: str, evidence: Evidence) -> RelationCard | None:
    """The source table that a text names, else the one that it speaks of."""
    sources = [c for c in evidence.relations if c.kind in {"source", "seed"}]
    for card in sources:
        names = {
            card.key,
            card.key.split(".")[-1],
            ".".join(p.strip('"') for p in card.relation_name.split(".")[-2:]),
        }
        if any(mentions(text.lower(), n.lower()) for n in names):
            return card
    said = stems(text)
    fitting = [c for c in sources if contains(said, entity_stems(c))]
    return max(fitting, key=lambda c: len(entity_stems(c)), default=None)


def read_staging(
    request: Request,
    wish: Wish,
    source: RelationCard,
    evidence: Evidence,
    warehouse: Warehouse | None = None,
) -> RequirementSpec:
    """The specification of a staging model, or `nothing` where the source has one already."""
    staged = [
        c.key for c in evidence.relations if c.layer == "staging" and source.unique_id in c.parents
    ]
    if staged:
        reason = f"`{source.key}` is staged already, by `{staged[0]}`."
        return RequirementSpec(
            kind="nothing", question=request.title, target=staged[0], model=staged[0], reason=reason
        )
    text = f"{request.body}\n\n{request.title}"
    text = _with_flags_by_their_column(text, source)
    asking = Asking(wish.answers, wish.directed, request.choices)
    planner = _StagingPlan(source, evidence, text, asking, warehouse)
    staging = with_types_that_hold(planner.plan(), source, evidence, warehouse)
    grain = (
        (staging.key,)
        if staging.key
        else key_of_several(staging, source, evidence.dialect, warehouse)
    )
    if planner.arrival:
        increment = planner.increments.increment(planner.arrival, staging, grain)
        staging = staging.model_copy(update={"increment": increment})
    for key in planner.unnested.missing[:3]:
        fields = [f for c in source.columns for f in c.fields]
        asking.ask(
            f"staging:json:{key}", f"No row of `{source.key}` has the key `{key}`. Which one is meant?",
            [(f"`{'.'.join(f.path)}`", "") for f in fields[:5]],
        )  # fmt: skip
    asked, noted = planner.unread(staging)
    for clause in asked[:3]:
        asking.ask(
            f"staging:clause:{clause[:60]}",
            f"“{clause}”: what does it change about the rows or columns of `{source.key}`?",
            [("nothing: it is told by the way", ""), ("nothing here: it is asked for separately", "")],
        )  # fmt: skip
    planner.notes += [f"Not read: “{n}”." for n in noted]
    nothing = _names_for_nothing(text, staging, source, evidence)
    for name in dict.fromkeys((*planner.missing, *nothing[:3])):
        if name in planner.unnested.missing:
            continue
        raw = [c.name for c in source.columns]
        asking.ask(
            f"staging:{name}", f"`{name}`: which column of `{source.key}` is to become that?",
            [(f"`{column}`", "") for column in raw[:5]],
        )  # fmt: skip
    freshness, expected, late = staged_freshness(source, evidence, warehouse)
    return RequirementSpec(
        kind="stage_source",
        freshness=freshness,
        questions=tuple(asking.open),
        model=_named_in(text, evidence) or staging_name(source, evidence),
        target=source.key,
        question=request.title,
        staging=staging,
        row_grain=grain,
        acceptance=tuple(wish.acceptance),
        assumptions=(*planner.assumptions, *planner.increments.assumptions, *expected),
        notes=(*planner.notes, *planner.increments.notes, *late),
    )


def _with_flags_by_their_column(text: str, source: RelationCard) -> str:
    """`is_paid as a boolean` as `paid as is_paid (paid as boolean)`, where the source has a column `paid`; that
    it is empty where that is documented to be needs no doing."""
    have = {c.name.lower(): c.name for c in source.columns}

    def renamed(match: re.Match[str]) -> str:
        column = have.get(match["of"].lower())
        told = column and not re.search(rf"(?<!\w){re.escape(column)}(?!\w)", text, re.I)
        return f"{column} as {match['name']} ({column} as boolean)" if told else match.group()

    text = re.sub(
        r"(?<![\w.])(?P<name>(?:is|has|was)_(?P<of>[a-z]\w*))\s+(?:(?:should|must|to)\s+be\s+|is\s+)?(?:as\s+)?(?:an?\s+)?"
        r"(?:boolean|bool|flag|true/false|yes/no)\b",
        renamed, text, flags=re.I,
    )  # fmt: skip

    def left(match: re.Match[str]) -> str:
        column = source.column(have.get(match["of"].lower(), ""))
        is_so = column is not None and is_documented_empty(match["when"], column.told)
        return match["flag"] if is_so else match.group()

    return re.sub(
        r"(?P<flag>(?<![\w.])(?P<of>[a-z]\w*) as (?:an? )?boolean(?: [a-z]\w*)?\)?)\s*,?\s+(?:and\s+)?empty\s+"
        r"(?:while|where|when|if|until|as long as)\s+(?P<when>[^.;,\n]+)",
        left, text, flags=re.I,
    )  # fmt: skip


def _names_for_nothing(
    text: str, staging: Staging, source: RelationCard, evidence: Evidence
) -> list[str]:
    """Names of columns in the text that the staging model has not, and nothing else is called."""
    known = {c.name.lower() for c in staging.columns} | {c.name.lower() for c in source.columns}
    known |= {c.source.lower() for c in staging.columns}
    known |= {k.lower() for c in source.columns for f in c.fields for k in f.path}
    known |= {n.lower() for n in evidence.model_names} | {
        c.name.lower() for r in evidence.relations for c in r.columns
    }
    said = re.findall(r"(?<![\w.])[a-z][a-z0-9]*(?:_[a-z0-9]+)+(?![\w.(])", text)
    prefix = evidence.conventions.staging_pattern.split("{")[0]
    return [
        n for n in dict.fromkeys(said)
        if n not in known and not (prefix and n.startswith(prefix)) and n != source.key.split(".")[-1]
    ]  # fmt: skip


def staging_name(source: RelationCard, evidence: Evidence) -> str:
    """By the project's own pattern, for instance `stg_shop__orders`."""
    system, _, table = source.key.rpartition(".")
    pattern = evidence.conventions.staging_pattern
    return (
        pattern.replace("{source}", system).replace("{entity}", snake(entity_of(table))).strip("_")
    )


def _named_in(text: str, evidence: Evidence) -> str:
    """The name that the ticket gives it: new, and as the project's other staging models begin."""
    prefix = evidence.conventions.staging_pattern.split("{")[0]
    found = re.findall(rf"(?<![\w.]){re.escape(prefix)}[a-z]\w*", text) if prefix else []
    return next((n for n in found if n not in evidence.model_names), "")


def key_of_several(
    staging: Staging, source: RelationCard, dialect: str, warehouse: Warehouse | None
) -> tuple[str, ...]:
    """The columns that tell the rows apart together: keys of others, then days. Empty if none do."""
    names = {c.source: c.name for c in staging.columns}
    cards = [c for c in source.columns if c.name in names]
    keys = [c for c in cards if re.search(r"(?:_id|_key|_code|_no|_nr|Id|Key|No)$", c.name)]
    days = [
        c
        for c in cards
        if c not in keys and re.search(r"(?:_dt|_date|_day|_on|_at|_ts|Date|At)$", c.name)
    ]
    chosen: list[ColumnCard] = []
    for column in (*keys, *days) if warehouse else ():
        chosen.append(column)
        listed = ", ".join(quoted(c.name, dialect) for c in chosen)
        sql = (
            f"select count(*) - (select count(*) from (select distinct {listed} from"
            f" {source.relation_name}) as d) from {source.relation_name}"
        )
        assert warehouse is not None
        if len(chosen) > 1 and warehouse.query(sql, limit=1).rows[0][0] == 0:
            return tuple(names[c.name] for c in chosen)
    return ()


def with_types_that_hold(
    staging: Staging, source: RelationCard, evidence: Evidence, warehouse: Warehouse | None
) -> Staging:
    """The plan, where a key's type was seen in some rows only: text where other rows differ."""
    if warehouse is None or (source.row_count or 0) <= SAMPLE:
        return staging
    columns = []
    for staged in staging.columns:
        column = source.column(staged.source)
        if staged.path and column and not _holds(staged.expression, source, warehouse):
            text = json_value(column, staged.path[1:], "varchar", evidence.dialect)
            staged = staged.model_copy(update={"expression": text})
        columns.append(staged)
    return staging.model_copy(update={"columns": tuple(columns)})


def _holds(expression: str, source: RelationCard, warehouse: Warehouse) -> bool:
    try:
        warehouse.query(f"select count({expression}) from {source.relation_name}", limit=1)
    except InvalidInput:
        return False
    return True


def _as_key(column: str) -> str:
    """`ord_no` as `order_id`: the name spelt out, any number of its own called id."""
    return re.sub(r"_(?:no|nr|num|number|nummer)$", "_id", spelt_out(snake(column)))


class _StagingPlan:
    def __init__(
        self,
        source: RelationCard,
        evidence: Evidence,
        text: str,
        asking: Asking,
        warehouse: Warehouse | None = None,
    ) -> None:
        self.source, self.evidence, self.text = source, evidence, without_wish(text)
        self.asking, self.warehouse = asking, warehouse
        self.increments = IncrementReader(source, evidence, text, asking, warehouse)
        self.arrival: ColumnCard | None = None
        self.one = singular(entity_of(source.key))
        self.unnested = unnested(source.columns, text)
        self.rows = row_wishes(text)
        self.taken: list[str] = self.increments.taken
        self.missing: list[str] = []
        self.is_all_json = False
        self.assumptions: list[Assumption] = []
        self.notes: list[str] = []

    def plan(self) -> Staging:
        self.arrival = self.increments.column()
        marked = next((c for c in self.source.columns if _REMOVED.match(c.name)), None)
        removed = None if marked is None or self._stays(marked) else marked
        arrivals = [c for c in self.source.columns if is_arrival(c.name) or self._is_load_date(c)]
        kept = [*(arrivals if self.rows.every_delivery else []), self.arrival]
        kept += [marked] if removed is None else []
        technical = {c.name for c in [removed, *arrivals] if c} | set(self.unnested.dropped)
        technical |= {
            c.name for c in self.source.columns if c.name.startswith("_") and not c.fields
        }
        technical -= {c.name for c in kept if c}
        for clause, unwanted in left_out(self.text, self.source.columns).items():
            self.taken.append(clause)
            technical |= set(unwanted)
        usable = [c for c in self.source.columns if c.name not in technical]
        self.is_all_json = all(c.fields for c in usable)
        usable += self.unnested.cards
        names = self._names(usable)
        key = self._key(usable, names)
        self._say_unnested(names)
        named = {c.name: names[c.name] for c in usable if c.name in names}
        wanted = cleanings(self.text, named, self.taken)
        columns = [
            self._column(c, names[c.name], wanted[c.name]) for c in usable if c.name in names
        ]
        columns = self._in_zones(columns, usable, names)
        columns = self._in_words(columns, named)
        latest_by = self._latest_by(key, arrivals)
        keep = together([self._keep(removed), *self._filters(named)])
        if self.arrival and keep and not self.increments.filtered(keep):
            self.arrival = None
        if self.arrival and self.arrival.name not in names:
            names[self.arrival.name] = self._own_name(self.arrival)
            columns.append(self._column(self.arrival, names[self.arrival.name], Cleaning()))
        if self.arrival and key and not self._repeats(key):
            latest_by = latest_by or self.arrival.name
        dropped = [c.name for c in self.source.columns if c.name not in names]
        dropped = [d for d in dropped if d not in self.unnested.dropped]
        if dropped:
            self._assume(
                f"Left out as technical or not asked for: {', '.join(f'`{d}`' for d in dropped)}."
            )
        return Staging(
            columns=tuple(columns),
            key="" if not key or self._repeats(key) else names.get(key.name, ""),
            latest_by=latest_by,
            takes_first=bool(latest_by) and self.rows.first_delivery,
            keep=keep,
        )

    def _stays(self, removed: ColumnCard) -> bool:
        """Whether rows marked as removed stay in the model."""
        stays = self.rows.keeps_removed
        if self.arrival and not stays:
            stays = self.increments.keeps_removed(removed)
            self.arrival = self.arrival if stays else None
        if stays:
            self._assume(f"Removed rows are kept; `{removed.name}` tells which these are.")
        return stays

    def _filters(self, names: Mapping[str, str]) -> list[str]:
        """Conditions of the rows that stay, as the ticket says them."""
        reader = FilterReader(self.source, self.evidence, names)
        found: list[str] = []
        for said in reader.read(self.text):
            if isinstance(said, WhichDate):
                self.taken.append(said.clause)
                chosen = self.asking.ask(
                    f"staging:date:{said.clause[:60]}", f"“{said.clause}”: by which date?",
                    [(f"`{c}`", "") for c in said.columns],
                )  # fmt: skip
                if chosen is None:
                    continue
                keep = reader.between(said.columns[chosen], said.span)
            else:
                keep = said.keep
            self.taken.append(said.clause)
            removed = next((c for c in self.source.columns if _REMOVED.match(c.name)), None)
            if keep in found or (removed and RowFilter(keep, "").is_only_about(removed.name)):
                continue  # what is marked as removed stays or goes by rules of its own
            found.append(keep)
            without = self._without(keep)
            counted = (
                f": {without:,} of {self.source.row_count or 0:,} are not"
                if without is not None
                else ""
            )
            self._assume(f"“{said.clause}”: only rows with {keep} are staged{counted}.")
            if without is not None and without in {0, self.source.row_count}:
                self.notes.append(
                    f"“{said.clause}” leaves out {'no row' if not without else 'all rows'} today."
                )
        return found

    def _without(self, keep: str) -> int | None:
        if self.warehouse is None:
            return None
        sql = f"select count(*) from {self.source.relation_name} where not ({keep})"
        return int(self.warehouse.query(sql, limit=1).rows[0][0])

    def _in_words(
        self, staged: Sequence[StagedColumn], names: Mapping[str, str]
    ) -> list[StagedColumn]:
        """Columns of words beside the codes that the ticket lists, or in their place."""
        found = list(staged)
        for mapping in mappings(self.text, self.source, names):
            card = self.source.column(mapping.column)
            place = next((n for n, c in enumerate(found) if c.source == mapping.column), None)
            if card is None or place is None:
                continue
            self.taken += [mapping.clause, *(f"{c} {w}" for c, w in mapping.pairs)]
            rows, listed = (
                counted(card, self.source, self.evidence.dialect, self.warehouse),
                dict(mapping.pairs),
            )
            missing = {v: n for v, n in rows.items() if v and v not in listed}
            others = ""
            if missing:
                told = ", ".join(f"`{v}` ({n:,} rows)" for v, n in list(missing.items())[:5])
                chosen = self.asking.ask(
                    f"staging:codes:{mapping.column}",
                    f"`{mapping.column}` also has {told}, which the list of codes lacks. What becomes of them?",
                    [("they stay as they are", ""), ("they become empty", "")],
                )  # fmt: skip
                others = (
                    exp.cast(exp.column(card.name, quoted=True), "text").sql(self.evidence.dialect)
                    if chosen == 0
                    else ""
                )
            if idle := [c for c in listed if rows and c not in rows]:
                self.notes.append(
                    f"No row of `{mapping.column}` has {', '.join(f'`{c}`' for c in idle)}."
                )
            own = found[place]
            text = f"{self.source.key}.{card.name}, in the ticket's words"
            made = StagedColumn(
                name=own.name if mapping.instead else f"{own.name}_text", source=card.name,
                expression=case(card, mapping, others, self.evidence.dialect),
                grounding=Grounding(source="column", text=text),
            )  # fmt: skip
            codes = ", ".join(f"{c} = {w}" for c, w in mapping.pairs)
            self._assume(f"`{made.name}` is `{card.name}` in words: {codes}.")
            found = [*found[:place], *([] if mapping.instead else [own]), made, *found[place + 1 :]]
        return found

    def _in_zones(
        self, staged: Sequence[StagedColumn], cards: Sequence[ColumnCard], names: Mapping[str, str]
    ) -> list[StagedColumn]:
        """Moments on the clock that is wished for, else on the one that the project uses."""
        wishes = zone_wishes(self.text, {c.name: names[c.name] for c in cards if c.name in names})
        if wishes.unclear:
            self.asking.ask(
                "staging:zone", f"“{wishes.unclear}”: which time zone is that?",
                [("UTC", ""), *((z, "") for z in dict.fromkeys(wishes.wished.values()))],
            )  # fmt: skip
        by_name = {names[c.name]: c for c in cards if c.name in names}
        usual, taken = self.evidence.conventions.staged_zone, {c.name for c in staged}
        moments = {c.name: m for c in staged if (m := self._moment(c, by_name[c.name]))}
        dialect = self.evidence.dialect
        written = {
            n: zone_of(m, self.source, dialect) or wishes.written for n, m in moments.items()
        }
        unknown = [n for n, m in moments.items() if not written[n] and wishes.of(m.name)]
        if unknown:
            zones = tuple(dict.fromkeys(("UTC", *(wishes.of(moments[n].name) for n in unknown))))
            listed = ", ".join(f"`{moments[n].name}`" for n in unknown)
            chosen = self.asking.ask(
                "staging:written", f"In which time zone does `{self.source.key}` write {listed}?",
                [(zone, "") for zone in zones],
            )  # fmt: skip
            written |= dict.fromkeys(unknown, "" if chosen is None else zones[chosen])
        found = []
        for column in staged:
            zone = written.get(column.name, "")
            card = by_name[column.name]
            made = self._in_zone(column, zone, wishes.of(card.name), usual) if zone else column
            found.append(made if made.name not in taken - {column.name} else
                         made.model_copy(update={"name": column.name}))  # fmt: skip
        return found

    def _moment(self, staged: StagedColumn, card: ColumnCard) -> ColumnCard | None:
        """The card with the type that is staged, if that is a day with its hour."""
        tree = sqlglot.parse_one(staged.expression, read=self.evidence.dialect)
        made = tree.to.sql("duckdb").lower() if isinstance(tree, exp.Cast) else card.data_type
        if not made.startswith(("timestamp", "datetime")):
            return None
        return card.model_copy(update={"data_type": made})

    def _in_zone(self, staged: StagedColumn, written: str, named: str, usual: str) -> StagedColumn:
        wished = named or usual
        if not wished or written == wished:
            zone = "" if written == MOMENT else written
            return staged.model_copy(update={"zone": zone})
        was = "of any zone" if written == MOMENT else f"in {written}"
        name = without_zone(staged.name)
        why = "" if named else ", as other staging models have it"
        self._assume(f"`{name}` is `{staged.source}`, {was}, on the clock of {wished}{why}.")
        if written not in {MOMENT, "UTC"}:
            self.notes.append(
                f"The hour that {written} has twice in autumn cannot be told apart in `{name}`."
            )
        expression = in_zone(staged.expression, written, wished, self.evidence.dialect)
        return staged.model_copy(update={"name": name, "expression": expression, "zone": wished})

    def _is_load_date(self, column: ColumnCard) -> bool:
        return is_temporal(column) and bool(
            re.search(
                r"\b(load(?:ed)?|sync(?:ed)?|ingest\w*|arriv\w+|row was (?:loaded|written))\b",
                column.description,
                re.I,
            )
        )

    # --- keys and duplicates ------------------------------------------------------------------

    def _key(self, columns: Sequence[ColumnCard], names: Mapping[str, str]) -> ColumnCard | None:
        wanted = [
            "id",
            f"{self.one}_id",
            f"{self.one.split('_')[-1]}_id",
            f"{self.one}_key",
            f"{self.one}_code",
            "uuid",
            "key",
        ]
        ordered = sorted(columns, key=lambda c: len(c.path))
        for name in wanted:
            for column in ordered:
                own = {column.name.lower(), names.get(column.name, ""), _as_key(column.name)}
                if name in own and "json" not in column.data_type:
                    return column
        return next((c for c in ordered if c.is_unique), None)

    def _repeats(self, key: ColumnCard) -> bool:
        """Whether the key stays in several rows, because every delivery is kept."""
        rows = self.source.row_count
        return self.rows.every_delivery and key.distinct is not None and key.distinct != rows

    def _latest_by(self, key: ColumnCard | None, arrivals: Sequence[ColumnCard]) -> str:
        rows = self.source.row_count
        if key is None or key.distinct is None or rows is None or key.distinct == rows:
            return ""
        if self.rows.every_delivery:
            self._assume(f"Every delivery is kept: `{key.name}` is not unique.")
            return ""
        moments = sorted(arrivals, key=lambda c: (not c.data_type.startswith("timestamp"), c.name))
        times = [c for c in self.source.columns if is_temporal(c)]
        named = [c for c in times if c.name.lower() in self.rows.latest_by]
        moments = named or moments or times
        again = rows - key.distinct - (key.nulls or 0)
        if not moments:
            self.notes.append(
                f"`{key.name}` is not unique ({again:,} rows too many) and no column tells which one is the latest."
            )
            return ""
        self._assume(
            f"`{key.name}` is delivered more than once ({rows:,} rows, {key.distinct:,} keys):"
            f" the row with the {'first' if self.rows.first_delivery else 'latest'}"
            f" `{moments[0].name}` holds.",
            f"select {self._quoted(key)}, count(*) from {self.source.relation_name} group by 1 having count(*) > 1",
        )
        return moments[0].name

    def _keep(self, removed: ColumnCard | None) -> str:
        if removed is None:
            return ""
        name = self._quoted(removed)
        if is_boolean(removed):
            condition = f"not coalesce({name}, false)" if removed.nulls else f"not {name}"
        elif is_temporal(removed):
            condition = f"{name} is null"
        elif is_numeric(removed):
            condition = f"coalesce({name}, 0) = 0"
        else:
            return ""
        self._assume(
            f"Rows marked as removed by `{removed.name}` are left out, judged on the latest delivery."
        )
        return condition

    # --- columns --------------------------------------------------------------------------------

    def _names(self, columns: Sequence[ColumnCard]) -> dict[str, str]:
        """Source column -> name; where the ticket lists names, those, in the ticket's words."""
        given = self._renamed(columns)
        names = {c.name: given.get(c.name) or self._own_name(c) for c in columns}
        taken = Counter(names.values())
        for c in columns:
            if c.path and taken[names[c.name]] > 1:
                names[c.name] = snake("_".join(c.path))
        listed = self._listed(columns, set(names.values()))
        if len(listed) < 3:
            return names
        chosen: dict[str, str] = {}
        for wanted in listed:
            free = [c for c in columns if c.name not in chosen]
            best = max(free, key=lambda c: self._fits(wanted, c, names[c.name]), default=None)
            if best is not None and self._fits(wanted, best, names[best.name]) > 0:
                chosen[best.name] = wanted
            else:
                self.missing.append(wanted)
        key = self._key(columns, names)
        if key and key.name not in chosen:
            chosen = {key.name: names[key.name], **chosen}
        return chosen

    def _renamed(self, columns: Sequence[ColumnCard]) -> dict[str, str]:
        """`firma as firma_name`: a column by the name that the ticket gives it."""
        raw = {c.name.lower(): c.name for c in columns}
        types = type_words()
        pairs = re.findall(r"(?<![\w.])`?(\w+)`?\s+as\s+`?([a-z]\w*)`?(?!\w)", self.text, re.I)
        found = {
            raw[old.lower()]: new.lower()
            for old, new in pairs
            if old.lower() in raw and "_" in new and new.lower() not in types
        }
        for match in _CALLED.finditer(self.text):
            old, new = (next(g for g in match.group(*names) if g) for names in (_OLD, _NEW))
            if match["g"] and not _RENAMES.search(self.text):
                continue
            if old.lower() in raw and new.lower() not in types:
                found[raw[old.lower()]] = new.lower()
                self.taken.append(match.group())
        return found

    def _listed(self, columns: Sequence[ColumnCard], own: set[str]) -> list[str]:
        """Names in the line of the ticket that lists the wanted columns."""
        best: list[str] = []
        known = own | {c.name.lower() for c in columns}
        text = re.sub(r"\([^)]*\)", " ", unwrapped(self.text).lower())
        bullets = re.findall(r"^\s*[-*•]\s*`?(\w+)", text, re.M)
        for line in (*re.split(r"\n|[.:;](?=\s|$)", text), ", ".join(bullets)):
            plain = re.sub(r"^[\s*•-]+|\b(?:columns?|fields?)\b\s*:?", " ", line)
            parts = [p.strip(" .`") for p in re.split(r",|\band\b", plain)]
            found = [p for p in parts if _IDENTIFIER.fullmatch(p)]
            plain_list = len(found) >= 0.7 * len([p for p in parts if p])
            if plain_list and sum(f in known or "_" in f for f in found) > len(best):
                best = list(dict.fromkeys(found))
        return best

    def _fits(self, wanted: str, column: ColumnCard, own_name: str) -> float:
        if wanted in {own_name, column.name.lower()}:
            return 10.0
        said = set(stems(wanted))
        have = set(column_stems(column)) | set(stems(own_name))
        exact = len(said & have)
        near = sum(bool(alike(s) & have) for s in said) - exact
        told = len(said & set(stems(column.description)))
        hint = re.search(rf"\b{re.escape(wanted)}\s*\(([^)]*)\)", self.text, re.I)
        named = bool(
            hint
            and re.search(rf"(?<!\w){re.escape(column.name.lower())}(?!\w)", hint.group(1).lower())
        )
        return 5.0 * named + 2.0 * exact + 1.0 * near + 0.8 * told

    def _own_name(self, column: ColumnCard) -> str:
        usual = self.evidence.conventions.staged_names.get(column.name.lower(), "")
        if usual and not column.path:
            return usual
        name = snake(column.name if self.rows.in_cents else re.sub(r"_?cents$", "", column.name))
        one = snake(column.path[0]) if column.path and not self.is_all_json else self.one
        if name in {"id", "key", "uuid", "code", "at", "ts", "time"}:
            return f"{one}_{name}"
        if name in {"name", "title", "status", "state", "type", "date", "description", "label"}:
            return f"{one}_{name}"
        if is_boolean(column) and not name.startswith(("is_", "has_", "was_", "did_")):
            return f"is_{name}"
        if (
            is_temporal(column)
            and column.data_type.startswith("timestamp")
            and not name.endswith(("_at", "_ts", "_time", "_date", "_utc", "_local"))
        ):
            return f"{name}_at"
        return name

    def _column(self, column: ColumnCard, name: str, wanted: Cleaning) -> StagedColumn:
        if column.path:
            return self._key_column(column, name, wanted)
        expression, why = self._expression(column)
        if asked := cleaned(column, wanted, self.evidence.dialect):
            if "trim(" in expression and "trim(" not in asked:
                name_sql = self._quoted(column)
                asked = asked.replace(name_sql, f"trim({name_sql})")
            expression, why = asked, ", as the ticket says"
        return StagedColumn(
            name=name,
            source=column.name,
            expression=expression,
            grounding=Grounding(source="column", text=f"{self.source.key}.{column.name}{why}"),
        )

    def _key_column(self, field: ColumnCard, name: str, wanted: Cleaning) -> StagedColumn:
        """A key of a column of JSON, of the type that its values have or the ticket says."""
        column = self.source.column(field.path[0])
        assert column is not None
        dialect, path = self.evidence.dialect, field.path[1:]
        expression = json_value(column, path, field.data_type, dialect)
        as_text = field.model_copy(update={"data_type": "varchar"})
        if asked := cleaned(as_text, wanted, dialect):
            value = sqlglot.parse_one(json_value(column, path, "varchar", dialect), read=dialect)
            tree = sqlglot.parse_one(asked, read=dialect)
            made = tree.transform(lambda n: value.copy() if isinstance(n, exp.Column) else n)
            expression = made.sql(dialect=dialect)
        text = f"{self.source.key}.{column.name}, key {'.'.join(path)}"
        return StagedColumn(
            name=name,
            source=column.name,
            expression=expression,
            grounding=Grounding(source="column", text=text),
            path=field.path,
        )

    def unread(self, staging: Staging) -> tuple[list[str], list[str]]:
        """Clauses of the ticket that changed nothing: to be asked about, and to be noted."""
        known = [*self.source.key.split("."), self.source.relation_name, self.evidence.project]
        known += [k for c in self.source.columns for f in c.fields for k in f.path]
        known += [*(c.name for c in self.source.columns), *(c.name for c in staging.columns)]
        known += [self.one, *self.evidence.model_names]
        columns = [*(c.name for c in self.source.columns), *(c.name for c in staging.columns)]
        columns = [c for c in columns if c.lower() != staging.key.lower()]
        return unread(self.text, known, (*self.taken, *zone_clauses(self.text)), columns)

    def _say_unnested(self, names: Mapping[str, str]) -> None:
        taken = [c for c in self.unnested.cards if c.name in names]
        for column in dict.fromkeys(c.path[0] for c in taken):
            own = ", ".join(f"`{names[c.name]}`" for c in taken if c.path[0] == column)
            rows = self.source.row_count or 0
            of = f"the first {SAMPLE:,} rows" if rows > SAMPLE else "all rows"
            card = self.source.column(column)
            others = len(card.fields if card else ()) - len(
                [c for c in taken if c.path[0] == column]
            )
            rest = f"; {others} other keys stay in it" if others else ""
            self._assume(f"Keys of `{column}` became columns, by what {of} hold: {own}{rest}.")
            whole = [c for c in taken if c.path[0] == column and c.data_type == "json"]
            if listed := ", ".join(f"`{names[c.name]}`" for c in whole):
                self.notes.append(f"Lists and deeper objects of `{column}` stay JSON: {listed}.")
        self.notes += self.unnested.notes

    def _expression(self, column: ColumnCard) -> tuple[str, str]:
        name = self._quoted(column)
        cents = _CENTS.search(column.name) or _CENTS.search(column.description)
        if is_numeric(column) and cents and not self.rows.in_cents:
            self._assume(f"`{column.name}` is in cents and becomes units.")
            return f"cast({name} as decimal(18, 2)) / 100", ", cents to units"
        if is_text(column) and column.values:
            trimmed = {v.strip() for v in column.values}
            lowered = {v.lower() for v in trimmed}
            if len(lowered) < len(trimmed):
                return f"lower(trim({name}))", ", case and blanks evened out"
            if len(trimmed) < len(column.values) or any(v != v.strip() for v in column.values):
                return f"trim({name})", ", blanks trimmed"
        return name, ""

    def _quoted(self, column: ColumnCard) -> str:
        return quoted(column.name, self.evidence.dialect)

    def _assume(self, text: str, check_sql: str = "") -> None:
        grounding = Grounding(source="assumption", text=text, confidence=0.8)
        self.assumptions.append(Assumption(text=text, check_sql=check_sql, grounding=grounding))
