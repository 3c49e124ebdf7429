"""Moments in another time zone: whether a column has one of its own, and the SQL of the shift."""

from __future__ import annotations

from sqlglot import exp

from crew.artifacts import Calendar, Evidence
from crew.drafting.row_sets import parse_sql
from crew.drafting.scope import key_of

_ZONED = {
    "bigquery": {"timestamp"},
    "databricks": {"timestamp", "timestamp_ltz"},
}
_ZONED_ANYWHERE = {"timestamp with time zone", "timestamptz", "timestamp_tz", "timestamp_ltz"}


def column_type(text: str, evidence: Evidence) -> str:
    """The type of the first column of an expression, in lower case; empty if not known."""
    found = next(iter(parse_sql(text, evidence.dialect).find_all(exp.Column)), None)
    card = evidence.relation(key_of(found)) if found is not None else None
    column = card.column(found.name) if card and found is not None else None
    return column.data_type.lower().split("(")[0].strip() if column else ""


def is_zoned(text: str, evidence: Evidence) -> bool:
    """Whether the moments of an expression are points in time, whatever the zone they are shown in."""
    own = _ZONED.get(evidence.dialect, set()) | _ZONED_ANYWHERE
    return column_type(text, evidence) in own


def in_zone(moment: exp.Expr, zone: exp.Expr, stored: str, dialect: str) -> exp.Expr:
    """What clocks in a zone show at a moment, as a moment without a zone. `stored` is the zone that
    the moment is written in; empty where it has one of its own."""
    if dialect == "bigquery":
        since = _call("TIMESTAMP", moment, exp.Literal.string(stored)) if stored else moment
        return _call("DATETIME", since, zone)
    if stored:
        source = exp.Literal.string(stored)
        if dialect in {"duckdb", "postgres"}:
            moment = exp.AtTimeZone(this=moment, zone=source)
            return exp.AtTimeZone(this=moment, zone=zone)
        return _call("convert_timezone", source, zone, moment)
    if dialect in {"snowflake", "databricks"}:
        return _call("convert_timezone", zone, moment)
    return exp.AtTimeZone(this=moment, zone=zone)


def zone_sql(calendar: Calendar, dialect: str) -> exp.Expr:
    """The zone whose days are meant, as SQL over qualified columns."""
    if calendar.zone_column:
        return parse_sql(calendar.zone_column, dialect)
    return exp.Literal.string(calendar.zone)


def stored_zone(text: str, calendar: Calendar) -> str:
    """The zone that a moment without one of its own is written in; empty if nobody says."""
    return dict(calendar.stored).get(text, "")


def is_moved(text: str, calendar: Calendar, evidence: Evidence) -> bool:
    """Whether a moment is to be put into the zone of the calendar."""
    asked = calendar.zone or calendar.zone_column
    return bool(asked) and (is_zoned(text, evidence) or bool(stored_zone(text, calendar)))


def _call(name: str, *arguments: exp.Expr) -> exp.Expr:
    return exp.Anonymous(this=name, expressions=list(arguments))
