"""The values that move through Firstmile, in pipeline order.

Each step takes some of these and returns the next; all are frozen, all are JSON, so that a run
can be stored, resumed, shown and replayed. A relation is named by its *key*: the name of a dbt
model, seed or snapshot (`stg_orders`), or `source.table` for a source. Inside SQL expressions of
a specification columns are qualified by that key (`stg_orders.status = 'paid'`).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal
from zoneinfo import available_timezones

from pydantic import BaseModel, ConfigDict, Field, computed_field, field_validator, model_validator


class Value(BaseModel):
    """A frozen value without unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


# --- Request ---------------------------------------------------------------------------------


class Comment(Value):
    """A comment on the ticket; `ours` marks what Firstmile itself wrote there."""

    author: str
    body: str
    created_at: str = ""
    ours: bool = False


class Choice(Value):
    """An option that somebody took when it was shown: of which question, what it means, and the
    words that took it."""

    question: str
    meaning: str
    said: str


class Request(Value):
    """A business request as it came in. Every text in it is untrusted."""

    source: str
    key: str
    title: str
    body: str
    comments: tuple[Comment, ...] = ()
    labels: tuple[str, ...] = ()
    requester: str = ""
    links: tuple[str, ...] = ()
    url: str = ""
    choices: tuple[Choice, ...] | None = None
    """Read by the orchestrator when they were made; None: nobody did, comments hold the answers."""

    @computed_field  # type: ignore[prop-decorator]
    @property
    def revision(self) -> str:
        """Hash of the meaningful content: twelve hex digits; our own comments do not count."""
        theirs = [[c.author, c.body] for c in self.comments if not c.ours]
        content = json.dumps([self.source, self.key, self.title, self.body, theirs])
        return hashlib.sha256(content.encode()).hexdigest()[:12]

    @model_validator(mode="before")
    @classmethod
    def _drop_computed(cls, data: Any) -> Any:
        if isinstance(data, dict):
            return {k: v for k, v in data.items() if k != "revision"}
        return data


# --- Evidence --------------------------------------------------------------------------------

RelationKind = Literal["model", "source", "seed", "snapshot"]
Layer = Literal["source", "staging", "intermediate", "mart"]


class ColumnCard(Value):
    """What is known of a column: its type, its docs and what its values look like today.

    `distinct`, `nulls` count rows; `values` are the most frequent ones of a column that
    holds few, and stay empty for columns that look like personal data. What `is_additive` may be
    added up: a count of different things, an average or a ratio may not. A model's own SQL made
    what `is_figure`, by an aggregate. `inherited` is what the relations above say of the column,
    where nobody described it here. `fields` are the keys of the objects in a column of JSON; their
    `path` is the column's name and the keys below it.
    """

    name: str
    data_type: str = ""
    description: str = ""
    inherited: str = ""
    distinct: int | None = None
    nulls: int | None = None
    minimum: str | None = None
    maximum: str | None = None
    values: tuple[str, ...] = ()
    is_unique: bool = False
    is_personal: bool = False
    is_additive: bool = True
    is_figure: bool = False
    tests: tuple[str, ...] = ()
    meta: dict[str, Any] = {}
    path: tuple[str, ...] = ()
    fields: tuple[ColumnCard, ...] = ()

    @property
    def told(self) -> str:
        """What is said of the column, here or above."""
        return self.description or self.inherited


class RelationCard(Value):
    """A table or view that a request may be about. `called` is what its rows are called, where its
    name says something else: `client` of `clients_snapshot`."""

    key: str
    unique_id: str
    kind: RelationKind
    layer: Layer
    relation_name: str
    description: str = ""
    path: str = ""
    schema_path: str = ""
    row_count: int | None = None
    columns: tuple[ColumnCard, ...] = ()
    materialization: str = ""
    parents: tuple[str, ...] = ()
    has_freshness: bool = False
    called: str = ""

    def column(self, name: str) -> ColumnCard | None:
        """The column of that name, upper and lower case alike."""
        return next((c for c in self.columns if c.name.lower() == name.lower()), None)

    def field(self, path: Sequence[str]) -> ColumnCard | None:
        """What is at a path below one of the columns: the card of a key of its JSON."""
        fields = (f for c in self.columns for f in c.fields)
        return next((f for f in fields if f.path == tuple(path)), None)


class JoinEdge(Value):
    """A many-to-one (or one-to-one) way from `left` to `right`.

    `right_column` is unique in `right`; `match_share` is the share of the non-null values of
    `left_column` that are found there; `origin` says how the edge is known.
    """

    left: str
    left_column: str
    right: str
    right_column: str
    match_share: float | None = None
    origin: str = ""


Aggregation = Literal[
    "count", "count_distinct", "sum", "average", "median", "min", "max", "percentile", "first", "last"
]  # fmt: skip
Moment = Literal["period_start", "period_end"]


class Measure(Value):
    """One aggregated quantity over the rows of one relation.

    A flow has `time`: the column that puts a row into a period. A stock has `active_from` and
    `active_to` (exclusive, null while still active) and is counted at a moment of the period.
    `keys`, if any, are the only columns of the relation that may lead to other relations: where
    several keys lead to the same place, it is those that the counted rows have filled.
    A percentile has its `fraction` (0..1); the first and the last value are those by `order_by`.
    """

    name: str
    relation: str
    aggregation: Aggregation
    expression: str
    fraction: float | None = None
    order_by: str | None = None
    time: str | None = None
    active_from: str | None = None
    active_to: str | None = None
    at: Moment | None = None
    filters: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()

    @property
    def is_stock(self) -> bool:
        return self.active_from is not None


class GlossaryTerm(Value):
    """An agreed business word: a metric (`formula` over `measures`) or a named condition."""

    name: str
    synonyms: tuple[str, ...] = ()
    definition: str = ""
    owner: str = ""
    origin: str = "glossary"
    formula: str | None = None
    unit: str = ""
    measures: tuple[Measure, ...] = ()
    condition: str | None = None
    relation: str | None = None


# --- What memory knows -------------------------------------------------------------------------

MemoryKind = Literal["model", "column", "metric", "term", "convention", "test", "request", "lesson"]


class Precedent(Value):
    """Something memory recalls, with its likeness 0..1: an existing model, an earlier request…"""

    kind: str
    name: str
    text: str
    likeness: float
    provenance: str = ""
    id: str = ""


class PastAnswer(Value):
    """An option that somebody took on an earlier request: of which question, what it means.

    `merged`: the pull request that was built on it was merged. `by_model`: no person took it, a
    language model read it out of the words `said`, for the request at hand.
    """

    question: str
    meaning: str
    said: str
    said_by: str
    request: str
    merged: bool = False
    by_model: bool = False


class Known(Value):
    """A request whose pull request is still open: what it gives, by grain, dimensions, numbers."""

    request: str
    model: str
    signature: str
    location: str = ""


class RowsLeftOut(Value):
    """A reviewer had rows left out: a condition over columns of `relation`, qualified by its key."""

    kind: Literal["filter"] = "filter"
    relation: str
    condition: str


class MeasureChanged(Value):
    """A reviewer had a metric computed otherwise: of the measure `label`, over `relation`."""

    kind: Literal["measure"] = "measure"
    label: str
    relation: str
    was: str
    aggregation: Aggregation
    expression: str


class ColumnNamed(Value):
    """A reviewer renamed a column of the result: what we called `was` is called `name`."""

    kind: Literal["column_name"] = "column_name"
    was: str
    name: str


class ModelNamed(Value):
    """A reviewer put a `prefix` and `suffix` around the names of models of a layer."""

    kind: Literal["model_name"] = "model_name"
    layer: Layer
    prefix: str = ""
    suffix: str = ""


class ModelPlaced(Value):
    """A reviewer moved a model that reads `relation` to another folder."""

    kind: Literal["folder"] = "folder"
    relation: str
    folder: str


class Materialized(Value):
    """A reviewer changed how models of a folder are materialized."""

    kind: Literal["materialization"] = "materialization"
    folder: str
    materialization: str


class TestChanged(Value):
    """A reviewer took a proposed test from a column, or made it warn only."""

    __test__ = False

    kind: Literal["test"] = "test"
    column: str
    test: str
    change: Literal["removed", "warn"]


class Worded(Value):
    """A reviewer described a column in other words."""

    kind: Literal["wording"] = "wording"
    column: str
    description: str


class Remarked(Value):
    """What a reviewer said, in free words: never followed before a person approved it."""

    kind: Literal["remark"] = "remark"
    text: str
    path: str = ""


Correction = Annotated[
    RowsLeftOut
    | MeasureChanged
    | ColumnNamed
    | ModelNamed
    | ModelPlaced
    | Materialized
    | TestChanged
    | Worded
    | Remarked,
    Field(discriminator="kind"),
]


class Lesson(Value):
    """What a merged pull request taught: one sentence, and the correction it stands for.

    `trust` 0..1 grows when following it was merged and falls when it was undone. `proposed` ones
    wait for a person, `retired` ones were wrong; only `active` ones are followed, for requests that
    count the rows of a relation in `scope` (none: of any). `learned_at` is seconds since 1970.
    """

    id: str
    sentence: str
    correction: Correction
    request: str
    learned_from: str
    trust: float = 0.6
    state: Literal["proposed", "active", "retired"] = "active"
    scope: tuple[str, ...] = ()
    learned_at: float = 0.0

    @property
    def subject(self) -> str:
        """What it is about: of two lessons with one subject the newer one holds."""
        told = {"condition", "aggregation", "expression", "name", "prefix", "suffix", "folder",
                "materialization", "change", "description", "text"}  # fmt: skip
        if isinstance(self.correction, RowsLeftOut | Materialized | Remarked):
            told -= {"condition", "folder", "text"}
        about = self.correction.model_dump(exclude=told)
        return json.dumps(about, sort_keys=True)


class Followed(Value):
    """A lesson or an earlier answer that was followed: its id, and what it did, in words."""

    id: str
    text: str
    provenance: str = ""


class TestHabit(Value):
    """A test that the project's columns of one kind carry: of `seen` such columns `with_test`."""

    __test__ = False

    source: str
    column_kind: str
    test: str
    arguments: dict[str, Any] = {}
    with_test: int
    seen: int


class Wording(Value):
    """How the project describes a column elsewhere, by lower-case name: at the relations that
    `provenance` names. With an `entity` it holds for columns of that entity alone."""

    column: str
    description: str
    provenance: str
    entity: str = ""


class Recollection(Value):
    """What memory gives to one request; bounded. `missing` says what could not be recalled."""

    precedents: tuple[Precedent, ...] = ()
    answers: tuple[PastAnswer, ...] = ()
    lessons: tuple[Lesson, ...] = ()
    open_requests: tuple[Known, ...] = ()
    missing: str = ""


class Conventions(Value):
    """The project's own habits, mined from its files; the defaults serve an empty project.

    `unique_combination` is the generic test it has for keys of several columns, and the name of
    that test's argument. `staged_names` are what staging models call raw columns (lower case), and
    `staged_zone` is the time zone that they bring moments to.
    """

    staging_pattern: str = "stg_{source}__{entity}"
    staging_folder: str = "models/staging/{source}"
    staging_materialization: str = "view"
    staging_incremental_rows: int = 10_000_000
    mart_folder: str = "models/marts"
    mart_pattern: str = "{name}"
    mart_materialization: str = "table"
    schema_file_pattern: str = "_{folder}__models.yml"
    tests_folder: str = "tests"
    tests_key: Literal["data_tests", "tests"] = "data_tests"
    final_select_star: bool = True
    trailing_commas: bool = True
    upper_keywords: bool = False
    indent: int = 4
    group_by: Literal["columns", "positions", "all"] = "columns"
    packages: tuple[str, ...] = ()
    unique_combination: tuple[str, str] | None = None
    config_in_sql: bool = False
    staged_names: dict[str, str] = {}
    staged_zone: str = ""


Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
Month = Literal[
    "january", "february", "march", "april", "may", "june", "july", "august", "september",
    "october", "november", "december",
]  # fmt: skip


class CompanyCalendar(Value):
    """How the company counts time, where it is not as everyone does."""

    week_starts: Weekday = Field("monday", description="first day of a week")
    fiscal_year_starts: Month | None = Field(
        None, description="first month of a fiscal year; without it fiscal periods are asked about"
    )
    fiscal_year_named_by: Literal["start", "end"] | None = Field(
        None, description="whether FY25 is called after the year it starts in, or ends in"
    )
    time_zone: str = Field("", description="zone whose days are meant, as Europe/Berlin")

    @field_validator("time_zone")
    @classmethod
    def _known(cls, zone: str) -> str:
        if zone and zone not in available_timezones():
            raise ValueError(f"{zone!r} is no time zone; write one like Europe/Berlin")
        return zone


class Calendar(Value):
    """When the periods of one request begin: weeks on a weekday (0 is Monday), years and their
    quarters in a month (1 is January).

    Days are those of `zone`, or of the zone that `zone_column` holds for each row; without either
    those of the data. `stored` are moments without a zone of their own, and the zone they are in.
    """

    week_starts: int = Field(0, ge=0, le=6)
    year_starts: int = Field(1, ge=1, le=12)
    zone: str = ""
    zone_column: str = ""
    stored: tuple[tuple[str, str], ...] = ()

    def offset(self, grain: str) -> int:
        """By how much a period begins later than the one that everyone means: days of a week
        (-3 to 3), months of a quarter (0 to 2) or year (0 to 11)."""
        if grain == "week":
            return (self.week_starts + 3) % 7 - 3
        months = {"quarter": 3, "year": 12}.get(grain, 1)
        return (self.year_starts - 1) % months

    def name_of(self, grain: str) -> str:
        """`fiscal_year` where years begin otherwise than everyone's."""
        return f"fiscal_{grain}" if grain != "week" and self.offset(grain) else grain


class Evidence(Value):
    """The slice of the project that matters for one request; bounded, whatever its size."""

    project: str
    dialect: str
    relations: tuple[RelationCard, ...] = ()
    joins: tuple[JoinEdge, ...] = ()
    glossary: tuple[GlossaryTerm, ...] = ()
    remembered: Recollection = Recollection()
    habits: tuple[TestHabit, ...] = ()
    wordings: tuple[Wording, ...] = ()
    conventions: Conventions = Conventions()
    calendar: CompanyCalendar = CompanyCalendar()
    model_names: tuple[str, ...] = ()
    sql: dict[str, str] = {}
    notes: tuple[str, ...] = ()

    def relation(self, key: str) -> RelationCard | None:
        return next((r for r in self.relations if r.key == key), None)


# --- RequirementSpec -------------------------------------------------------------------------

GroundingSource = Literal[
    "ticket", "glossary", "column", "precedent", "answer", "rule", "assumption"
]


class Grounding(Value):
    """Where an element comes from: the kind of source, the words or name there, how sure (0..1)."""

    source: GroundingSource
    text: str
    confidence: float = 1.0


class Metric(Value):
    """A number that the business asked for: a formula over measures, by name."""

    name: str
    label: str
    definition: str = ""
    formula: str
    unit: str = ""
    measures: tuple[Measure, ...]
    grounding: Grounding


TimeGrain = Literal["hour", "day", "week", "month", "quarter", "year"]


class Dimension(Value):
    """What to split by: `column` of `relation`, called `name` in the result.

    `expression`, where the column is not taken as it is, is SQL over qualified columns that gives
    one value a row: a range it lies in, a part of its date; `grain` says of which period it is the
    first day. `key` is the column of the base that leads there, where there are several.
    """

    name: str
    relation: str
    column: str
    expression: str = ""
    grain: TimeGrain | Literal[""] = ""
    key: str = ""
    grounding: Grounding


DerivedKind = Literal[
    "running_total", "moving_average", "moving_sum", "previous", "change", "growth", "share", "rank",
    "of_first",
]  # fmt: skip


class Derived(Value):
    """A column computed over the rows of the result: of the metric or measure `of`.

    Along the time axis, per combination of the dimensions: `running_total` from the first period,
    `moving_average` and `moving_sum` over `periods` periods with the current one, `previous` the
    value `periods` before, `change` and `growth` (0.1 is ten percent) against it. Within a period:
    `share` of the total and `rank` (1 is the highest), inside each value of the dimensions
    `within`. `of_first` is the share of the value that the first row of `within` has.
    """

    name: str
    label: str
    kind: DerivedKind
    of: str
    periods: int = 1
    within: tuple[str, ...] = ()
    reset: Literal["", "month", "quarter", "year"] = ""
    """A `running_total` begins anew with each of these, a `share` is one of their total."""
    grounding: Grounding


class Top(Value):
    """Only the `count` rows with the highest (or lowest) `by`, inside each period and each value of
    `within`; rows that tie with the last one stay."""

    count: int
    by: str
    lowest: bool = False
    within: tuple[str, ...] = ()
    grounding: Grounding


class Related(Value):
    """What is known of an entity from the rows of `relation` that meet `filters`: one row per `by`.

    It is a relation of its own under its `key`, that rows of `to` (if any) lead to by their column
    `to_column`, and rows of `relation` by `by`: a qualified column that is called `to_column` here
    too. With a `value` it holds that aggregate, under its name; else all columns of the row that is
    the `pick` by `order_by`, qualified columns of `relation` of which the later ones settle ties.

    With a `match`, a column of `to` and one of `relation`, it holds for each row of `to` what `shows`
    (columns of `relation` and what they are called) of the one row that has the same value there,
    meets `filters` and, where `at` names a column of `to`, whose `valid` columns hold that moment:
    from (included) to (excluded, or empty).
    """

    key: str
    relation: str
    by: str
    to: str
    to_column: str
    value: Measure | None = None
    pick: Literal["first", "last"] = "last"
    order_by: tuple[str, ...] = ()
    filters: tuple[str, ...] = ()
    match: tuple[str, ...] = ()
    shows: tuple[tuple[str, str], ...] = ()
    at: str = ""
    valid: tuple[str, ...] = ()


class Filter(Value):
    """A condition that holds for every row counted, as SQL with qualified columns."""

    condition: str
    label: str
    grounding: Grounding


class TimeAxis(Value):
    """Rows per period; `column` is the name of the period column in the result."""

    grain: TimeGrain
    column: str
    grounding: Grounding


class LookBack(Value):
    """Only the last `count` `unit`s, ending with the latest day in the data that is not ahead.

    `calendar` says whole ones by the calendar: the `previous` `count` before the one of that day,
    or the `current` one up to that day.
    """

    count: int
    unit: Literal["day", "week", "month", "quarter", "year"]
    calendar: Literal["", "previous", "current"] = ""
    grounding: Grounding

    @property
    def words(self) -> str:
        """`the last 90 days`, `the month before the current one`."""
        several = f"{self.count} {self.unit}s" if self.count > 1 else self.unit
        match self.calendar:
            case "previous":
                return f"the {several} before the current one"
            case "current":
                return f"the current {self.unit}"
        return f"the last {self.count} {self.unit}s"


class DateRange(Value):
    """A fixed span: `start` inclusive, `end` exclusive, ISO dates; either may be open. Rows from
    `read_from` on are read to compare the first periods with; shown are those from `start` on."""

    start: str | None = None
    end: str | None = None
    read_from: str | None = None
    grounding: Grounding

    @property
    def read(self) -> DateRange:
        """The span of the rows that are read."""
        return self.model_copy(update={"start": self.read_from or self.start})


class Assumption(Value):
    """What was taken for granted, and the query that would check it."""

    text: str
    check_sql: str = ""
    grounding: Grounding


class Option(Value):
    """One answer to a question; `effect` is what it would give, if that is known."""

    label: str
    meaning: str
    effect: str = ""


class Question(Value):
    """What a human must decide; `default` is the label of the option that is
    suggested; empty where none is likelier than the others."""

    id: str
    text: str
    options: tuple[Option, ...] = ()
    default: str = ""


class WantedTest(Value):
    """A generic test that the request itself asks for, on a column of the target."""

    column: str
    test: Literal["unique", "not_null", "accepted_values", "relationships"]


class Freshness(Value):
    """Arrival expectation of a source table; 0 hours: it never fails."""

    source: str
    table: str
    loaded_at_field: str
    warn_after_hours: int
    error_after_hours: int = 0


class WantedDoc(Value):
    """A description that the request asks for, of a column or (empty) of the model; `text` where
    the request gives it; `model` where it is not the target."""

    column: str
    text: str = ""
    model: str = ""


class StagedColumn(Value):
    """A column of a staging model: `name` is what it is called, `expression` SQL over the source.

    `path` leads from the column `source` to a key in its JSON; `zone` is the time zone of a moment
    without one, where it is known.
    """

    name: str
    source: str
    expression: str
    grounding: Grounding
    path: tuple[str, ...] = ()
    zone: str = ""

    def behind(self, source: RelationCard) -> ColumnCard | None:
        """The card of what it is made of."""
        return source.field(self.path) if self.path else source.column(self.source)


class Increment(Value):
    """Only rows whose `at` (a staged column) is at most `days` older than the newest are read again,
    and take the place of those with the same `key`; with `whole_keys` all rows of their keys.

    `event` is the source column by which rows were seen to come late; empty: in the order of `at`.
    """

    at: str
    days: int
    key: tuple[str, ...]
    event: str = ""
    whole_keys: bool = False


class Staging(Value):
    """How a source table is cleaned: columns, one row per `key` by the last `latest_by` (the first
    where it `takes_first`), and `keep` as the condition that leaves removed rows out."""

    columns: tuple[StagedColumn, ...]
    key: str
    latest_by: str = ""
    takes_first: bool = False
    keep: str = ""
    increment: Increment | None = None


class History(Value):
    """Rows per `key` and period in which none of `values` changed, out of rows of `relation` that
    each tell the state at the moment `at`: columns by name.

    Of rows of one key and moment the last by `then_by` holds; a row for which `removed` (SQL over
    columns of the relation) is true ends a period and begins none. The period is `valid_from`
    (included) to `valid_to` (excluded, empty for the current one), which are names of columns.
    """

    relation: str
    key: tuple[str, ...]
    values: tuple[str, ...]
    at: str
    then_by: str = ""
    removed: str = ""
    valid_from: str = "valid_from"
    valid_to: str = "valid_to"
    is_current: str = "is_current"


class RenameColumn(Value):
    """Give an output column of a model another name, there and wherever it is passed on."""

    kind: Literal["rename_column"] = "rename_column"
    model: str
    column: str
    to: str


class RenameModel(Value):
    """Give a model another name: its file, its entry and every reference."""

    kind: Literal["rename_model"] = "rename_model"
    model: str
    to: str


class Retype(Value):
    """Give an output column another type; `data_type` is a type of the warehouse."""

    kind: Literal["retype"] = "retype"
    model: str
    column: str
    data_type: str


class FillEmpty(Value):
    """Give an output column a `value`, a SQL literal, where it is empty; with `blanks` also where it
    is an empty text."""

    kind: Literal["fill_empty"] = "fill_empty"
    model: str
    column: str
    value: str
    blanks: bool = False


class DropColumn(Value):
    """Remove an output column; `everywhere` also what models further on make of it."""

    kind: Literal["drop_column"] = "drop_column"
    model: str
    column: str
    everywhere: bool = False


class DropModel(Value):
    """Remove a model that nothing reads."""

    kind: Literal["drop_model"] = "drop_model"
    model: str


class AddFilter(Value):
    """Keep only the rows of a model for which `condition` holds: SQL over the model's own columns,
    or over those of `relation`, which the model reads, before anything is computed."""

    kind: Literal["add_filter"] = "add_filter"
    model: str
    condition: str
    relation: str = ""


class ChangeGrain(Value):
    """Rows per `grain` instead of a finer period; `column` is the period's column."""

    kind: Literal["change_grain"] = "change_grain"
    model: str
    column: str
    grain: TimeGrain


class Split(Value):
    """Part a model: rows by `conditions`, or columns in groups beside its `key`; into `parts`."""

    kind: Literal["split"] = "split"
    model: str
    parts: tuple[str, ...]
    conditions: tuple[str, ...] = ()
    columns: tuple[tuple[str, ...], ...] = ()
    key: tuple[str, ...] = ()


class MoveRows(Value):
    """Move the rows of a model that meet `condition` into a new model `to` with the same columns; those
    that meet `rest`, its exact opposite, stay."""

    kind: Literal["move_rows"] = "move_rows"
    model: str
    to: str
    condition: str
    rest: str


class Merge(Value):
    """One model from two: their rows below each other, or beside each other by `key`."""

    kind: Literal["merge"] = "merge"
    models: tuple[str, ...]
    to: str
    key: tuple[str, ...] = ()


class ReplaceMacro(Value):
    """Call the macro `new` wherever `old` is called, with the same arguments."""

    kind: Literal["replace_macro"] = "replace_macro"
    old: str
    new: str


class MakeUnique(Value):
    """One row for each `key`: the last by `latest_by`."""

    kind: Literal["make_unique"] = "make_unique"
    model: str
    key: tuple[str, ...]
    latest_by: str


class FollowSource(Value):
    """Read columns of what a model reads, (given, read) each: under a name that the model gives
    already, whatever it was called there, or as a column more."""

    kind: Literal["follow_source"] = "follow_source"
    model: str
    source: str
    columns: tuple[tuple[str, str], ...]


class MakeIncremental(Value):
    """Build only what is new: rows of the last `days` before the newest `time` come again."""

    kind: Literal["make_incremental"] = "make_incremental"
    model: str
    key: tuple[str, ...]
    time: str
    days: int = 3


class Materialize(Value):
    """Build a model as a table, or as a view."""

    kind: Literal["materialize"] = "materialize"
    model: str
    materialized: Literal["table", "view"]


class AddColumn(Value):
    """A further column of a model: `expression` over its own columns. With a `relation`, over the
    columns of that one: its rows that have the same `keys` (own, theirs) and meet `where`, one at
    most, or an aggregate of them, `empty` where there are none. `valid` names a moment of the model
    and two columns of the relation: from (included) and to (excluded, null while it holds). `like`
    is a column that is computed in the same way, from the other end: the first instead of the last.
    """

    kind: Literal["add_column"] = "add_column"
    model: str
    column: str
    expression: str = ""
    relation: str = ""
    keys: tuple[tuple[str, str], ...] = ()
    where: str = ""
    empty: str = ""
    valid: tuple[str, ...] = ()
    like: str = ""
    description: str = ""


class AddToGrain(Value):
    """Rows of an aggregated model for each `expression` besides what they are for now: over what
    its last select reads, called `column`."""

    kind: Literal["add_to_grain"] = "add_to_grain"
    model: str
    column: str
    expression: str


class GenericTest(Value):
    """A generic dbt test on a column, or on the whole model where `column` is empty; with `where`, of
    the rows alone that meet it."""

    model: str
    column: str = ""
    test: str
    arguments: dict[str, Any] = {}
    where: str = ""
    severity: Literal["error", "warn"] = "error"
    reason: str = ""


class SingularTest(Value):
    """A SQL file whose rows are failures."""

    name: str
    path: str
    sql: str
    reason: str = ""


class AddTests(Value):
    """Tests on a model or its columns, as they are to be written."""

    kind: Literal["add_tests"] = "add_tests"
    model: str
    tests: tuple[GenericTest, ...] = ()
    singular: tuple[SingularTest, ...] = ()


Edit = Annotated[
    AddColumn
    | AddTests
    | AddToGrain
    | RenameColumn
    | RenameModel
    | Retype
    | FillEmpty
    | DropColumn
    | DropModel
    | AddFilter
    | ChangeGrain
    | Split
    | MoveRows
    | Merge
    | ReplaceMacro
    | MakeUnique
    | FollowSource
    | MakeIncremental
    | Materialize,
    Field(discriminator="kind"),
]

RequestKind = Literal[
    "new_model", "change_model", "stage_source", "tests", "documentation", "edit", "nothing",
    "refuse",
]  # fmt: skip


class ExampleRows(Value):
    """Rows that the request itself gives, as texts: of the result, or of the input `relation`."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    relation: str = ""


class RequirementSpec(Value):
    """What is to be built, every element with its grounding.

    `target` is the existing model of a change or the source table of a staging model. For a
    change, `dimensions` are looked up and `metrics` aggregated onto the target's own rows; unless
    it `extends` the target, whose rows are those of `time` and `dimensions` already: then it maps
    our names of these to its columns, and `metrics` are those that it lacks.
    `standalone` is asked for as a model of its own.
    `settled` are the questions that people answered on the ticket, `followed` what memory decided.
    With `fill_gaps` periods without any row of their own appear too, counted as zero.
    With a `spine` the result has a row for each row of that relation that meets `spine_filters`, its
    key the first dimension. `related` are relations made for this result alone, each of those before
    it and of the project's own; conditions, dimensions and measures may use them like any other.
    With a `history` its rows are the periods of that one; `dimensions` are its key and values.
    `examples` are rows of the result: of today's data, or with `given` rows of the inputs of those.
    `reason` explains the kinds that build nothing.
    """

    kind: RequestKind
    model: str = ""
    target: str = ""
    extends: dict[str, str] = {}
    standalone: bool = False
    question: str
    metrics: tuple[Metric, ...] = ()
    dimensions: tuple[Dimension, ...] = ()
    filters: tuple[Filter, ...] = ()
    time: TimeAxis | None = None
    calendar: Calendar = Calendar()
    look_back: LookBack | None = None
    date_range: DateRange | None = None
    fill_gaps: bool = False
    derived: tuple[Derived, ...] = ()
    top: Top | None = None
    spine: str = ""
    spine_filters: tuple[str, ...] = ()
    related: tuple[Related, ...] = ()
    row_grain: tuple[str, ...] = ()
    staging: Staging | None = None
    history: History | None = None
    wanted_tests: tuple[WantedTest, ...] = ()
    freshness: tuple[Freshness, ...] = ()
    wanted_docs: tuple[WantedDoc, ...] = ()
    edits: tuple[Edit, ...] = ()
    owner: str = ""
    acceptance: tuple[str, ...] = ()
    examples: tuple[ExampleRows, ...] = ()
    given: tuple[ExampleRows, ...] = ()
    assumptions: tuple[Assumption, ...] = ()
    questions: tuple[Question, ...] = ()
    notes: tuple[str, ...] = ()
    settled: tuple[Choice, ...] = ()
    followed: tuple[Followed, ...] = ()
    reason: str = ""

    @property
    def signature(self) -> str:
        """Twelve hex digits that two specifications share when they give the same rows: judged by
        grain, dimensions, numbers and conditions, whatever they are called."""
        metrics = [
            [_in_order(m.formula, m.measures), sorted(x.model_dump_json(exclude={"name", "keys"})
             for x in m.measures)] for m in self.metrics
        ]  # fmt: skip
        content = [
            self.kind,
            self.target,
            sorted(map(json.dumps, metrics)),
            sorted([d.relation, d.column, d.expression] for d in self.dimensions),
            sorted([d.kind, d.of, d.periods, d.reset, *d.within] for d in self.derived),
            self.top.model_dump_json(exclude={"grounding"}) if self.top else "",
            self.spine,
            *sorted(self.spine_filters),
            *(r.model_dump_json() for r in self.related),
            sorted(f.condition for f in self.filters),
            self.time.grain if self.time else "",
            [*self.look_back.model_dump(exclude={"grounding"}).values()] if self.look_back else [],
            [self.date_range.start, self.date_range.end] if self.date_range else [],
            *([self.date_range.read_from] if self.date_range and self.date_range.read_from else []),
            self.fill_gaps,
            sorted(w.model_dump_json() for w in (*self.wanted_tests, *self.wanted_docs)),
            self.staging.model_dump_json() if self.staging else "",
            *([self.history.model_dump_json()] if self.history else []),
            *(e.model_dump_json() for e in self.edits),
            *([self.calendar.model_dump_json()] if self.calendar != Calendar() else []),
        ]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:12]


def _in_order(formula: str, measures: Sequence[Measure]) -> str:
    """The formula with its measures called by what they are."""
    names = {m.name: m.model_dump_json(exclude={"name"}) for m in measures}
    return re.sub(r"[A-Za-z_]\w*", lambda m: names.get(m.group(), m.group()), formula)


# --- Drafts ----------------------------------------------------------------------------------

FileAction = Literal["create", "update", "delete"]


class FileChange(Value):
    """A file of the change: its path in the project and its whole new text; one to `delete` has
    none."""

    path: str
    text: str
    action: FileAction


class DraftModel(Value):
    """A model file. `joins` are the edges its SQL follows; `columns` its output, in order."""

    name: str
    path: str
    sql: str
    action: FileAction = "create"
    layer: Layer = "mart"
    materialization: str = "table"
    relations: tuple[str, ...] = ()
    joins: tuple[JoinEdge, ...] = ()
    columns: tuple[str, ...] = ()
    reads_source: bool = False


class ModelDraft(Value):
    """The synthesizer's proposal. `files` are whole files, those of `models` among them where an
    edit already says all of their text."""

    models: tuple[DraftModel, ...]
    files: tuple[FileChange, ...] = ()
    rationale: str = ""
    followed: tuple[Followed, ...] = ()


class Reuse(Value):
    """Whether an existing model answers the request; `exact` means all of it. `extend` is the
    specification of what the model lacks, where it has just the rows that the request asks for."""

    model: str = ""
    explanation: str = ""
    exact: bool = False
    extend: RequirementSpec | None = None


class UnitTest(Value):
    """A dbt unit test: `given` is a list of {"input": "ref('x')", "rows": [...]}."""

    name: str
    model: str
    description: str = ""
    given: tuple[dict[str, Any], ...]
    expect: tuple[dict[str, Any], ...]


class TestSuite(Value):
    """The test generator's proposal; `dropped` are tests today's data contradicts, in words."""

    __test__ = False

    generic: tuple[GenericTest, ...] = ()
    singular: tuple[SingularTest, ...] = ()
    unit: tuple[UnitTest, ...] = ()
    freshness: tuple[Freshness, ...] = ()
    dropped: tuple[str, ...] = ()
    followed: tuple[Followed, ...] = ()


class ColumnDoc(Value):
    name: str
    description: str
    grounding: Grounding


class ModelDoc(Value):
    """Description of a model and its columns; for a change only of what is new."""

    model: str
    description: str
    columns: tuple[ColumnDoc, ...] = ()


class DocSet(Value):
    """The documentation generator's proposal; `notes` are what reviewers have to know of its words."""

    models: tuple[ModelDoc, ...] = ()
    followed: tuple[Followed, ...] = ()
    notes: tuple[str, ...] = ()


# --- ValidationReport ------------------------------------------------------------------------


class Table(Value):
    """A small table of text, as shown to people."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...] = ()


Blame = Literal["requirement", "model", "tests", "docs", "environment", ""]
CheckStatus = Literal["passed", "failed", "skipped", "warned"]


class Check(Value):
    """One check: what it found in words, its evidence, and whose work a failure sends back."""

    name: str
    status: CheckStatus
    finding: str = ""
    table: Table | None = None
    seconds: float = 0.0
    blame: Blame = ""


def files_digest(files: tuple[FileChange, ...]) -> str:
    """SHA-256 over paths and texts, so that a report belongs to exactly one set of files."""
    content = json.dumps(
        sorted([f.path, f.text, *["delete"] * (f.action == "delete")] for f in files)
    )
    return hashlib.sha256(content.encode()).hexdigest()


class ValidationReport(Value):
    """All checks in the order they ran, for the files whose digest it carries."""

    files: str
    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        return bool(self.checks) and not any(c.status == "failed" for c in self.checks)

    @property
    def first_failure(self) -> Check | None:
        return next((c for c in self.checks if c.status == "failed"), None)

    def check(self, name: str) -> Check | None:
        return next((c for c in self.checks if c.name == name), None)


class Finding(Value):
    """What a step is asked to mend: the failed check and its exact words; found for the `times`th
    time."""

    check: str
    text: str
    blame: Blame
    times: int = 1


class Rework(Value):
    """What a request has already: the branch it was delivered on, what its ticket says that it
    did not say then, in words, and what a reviewer or a check found. `reopen`: its pull request
    was closed, and it was asked for again since."""

    branch: str = ""
    reopen: bool = False
    changed: tuple[str, ...] = ()
    finding: Finding | None = None


# --- ChangeSet and outcomes ------------------------------------------------------------------


class ChangeSet(Value):
    """What may be delivered. It cannot exist without a passing report on these very files."""

    files: tuple[FileChange, ...] = Field(min_length=1)
    message: str
    branch: str
    base: str
    base_commit: str
    title: str
    labels: tuple[str, ...] = ()
    reopen: bool = False
    report: ValidationReport

    @model_validator(mode="after")
    def _sealed(self) -> ChangeSet:
        if not self.report.passed:
            raise ValueError("a change set is sealed from a passing report only")
        if self.report.files != files_digest(self.files):
            raise ValueError("the report is about other files than these")
        return self


class PullRequest(Value):
    """A delivered pull request; `location` is its address, or the path of its text. `commit` is the
    last one of this request on the branch: others may have put theirs on top."""

    branch: str
    base: str
    commit: str
    location: str
    created: bool


class ReviewRemark(Value):
    """Something said on a pull request by somebody else. Untrusted."""

    author: str
    text: str
    path: str = ""
    may_write: bool = False


class Verdict(Value):
    """What became of a pull request. `commit` is the one of the base that brought it in; `gone`:
    neither branch nor pull request is there any more."""

    state: Literal["open", "merged", "closed", "gone"]
    commit: str = ""
    location: str = ""
    remarks: tuple[ReviewRemark, ...] = ()


class Cost(Value):
    """What language models used: tokens (`cached_tokens` are among those of the prompt), USD and
    seconds. `unpriced_calls` are not in `usd`: nobody knows the price of their model."""

    llm_calls: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    usd: float = 0.0
    unpriced_calls: int = 0
    seconds: float = 0.0

    def __add__(self, other: Cost) -> Cost:
        return Cost(**{n: getattr(self, n) + getattr(other, n) for n in Cost.model_fields})

    def __sub__(self, other: Cost) -> Cost:
        return Cost(**{n: getattr(self, n) - getattr(other, n) for n in Cost.model_fields})


class ModelCall(Value):
    """A task that a language model was called for, or was not: then `model` is empty. `why` is the
    reason for either; `ended` how it ended, "answered" where it did."""

    step: str = ""
    agent: str
    task: str
    why: str
    model: str = ""
    ended: str = ""
    cost: Cost = Cost()


class _Ended(Value):
    spec: RequirementSpec | None = None
    report: ValidationReport | None = None


class Delivered(_Ended):
    outcome: Literal["delivered"] = "delivered"
    pull_request: PullRequest | None
    change_set: ChangeSet
    text: str


class NeedsAnswers(_Ended):
    outcome: Literal["needs_answers"] = "needs_answers"
    questions: tuple[Question, ...]


class AlreadyExists(_Ended):
    outcome: Literal["already_exists"] = "already_exists"
    model: str
    explanation: str


class Refused(_Ended):
    outcome: Literal["refused"] = "refused"
    reason: str


class Failed(_Ended):
    outcome: Literal["failed"] = "failed"
    reason: str
    tried: tuple[str, ...] = ()


Outcome = Annotated[
    Delivered | NeedsAnswers | AlreadyExists | Refused | Failed, Field(discriminator="outcome")
]


JottingKind = Literal["fact", "decision", "finding", "attempt"]


class Jotting(Value):
    """A line of the planner's scratchpad: what is known, decided (with its `reason`), found wrong
    (until it is `settled`) or was tried, at which step."""

    kind: JottingKind
    step: str
    text: str
    reason: str = ""
    settled: str = ""


class StepRecord(Value):
    """One finished step of a run: what it found, in a line, what it took and its result as JSON."""

    name: str
    found: str
    seconds: float
    cost: Cost = Cost()
