"""Raw tables of a software house: short lower-case names of a help desk tool and a licence register.

`hd` is the help desk (its `state_log` is a feed that delivers some events twice), `lic` the register
of licences (deleted ones stay, with `del_at`) and invoices (amounts as text), `dev` the releases.
"""

from __future__ import annotations

import datetime as dt
import random
from typing import Any

from bench.requests.company import Table

START, DAYS = dt.datetime(2024, 9, 1), 607
END = START + dt.timedelta(days=DAYS)
PRODUCTS = ["PLAN", "CALC", "SYNC"]
TEAMS = ["First", "Second", "Third", "Billing", "Night"]
SITES = ["Leipzig", "Graz", "Lyon", "Vigo"]
FIRST = ["Ada", "Bo", "Cleo", "Dov", "Enis", "Fay", "Gus", "Hale", "Ines", "Jo", "Kai", "Liv", "Mo"]
LAST = ["Abel", "Brandt", "Costa", "Duval", "Engel", "Fuchs", "Garcia", "Horn"]
WORDS = ["Hafen", "Linde", "Nova", "Orbis", "Prisma", "Quelle", "Riva", "Sonne", "Tarn", "Ulme"]
FORMS = ["GmbH", "AG", "SARL", "SL", "BV", "KG", "& Co", "Group"]
PRIOS = {"P1": (1, 8), "P2": (4, 24), "P3": (8, 72), "P4": (24, 240)}
SUBJECTS = [
    "Export is empty",
    "Cannot log in",
    "Wrong total",
    "Sync hangs",
    "Invoice question",
    "Slow",
]


def _mixed(r: random.Random, code: str) -> str:
    return r.choices([code, code.lower(), code.capitalize()], [8, 2, 1])[0]


def _whole(at: dt.datetime) -> dt.datetime:
    return at.replace(microsecond=0)


def _text(cents: int) -> str:
    return f"{cents // 100},{cents % 100:02}"


def _agents(r: random.Random) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = []
    for n in range(1, 105):
        first, last = FIRST[(n - 1) % 13], LAST[(n - 1) // 13]
        hired = (START - dt.timedelta(days=r.randrange(30, 1500))).date()
        left = (
            START.date() + dt.timedelta(days=r.randrange(60, DAYS)) if r.random() < 0.15 else None
        )
        is_bot = n in (13, 52, 104)
        found.append(
            (n, f"{first[0]}{last}{n}".lower(), f"{first} {last}", f"{first}.{last}@soft.example".lower(),
             r.choices(TEAMS, [5, 3, 2, 1, 1])[0], r.choices(SITES, [4, 3, 2, 2])[0], hired,
             None if is_bot else left, is_bot)
        )  # fmt: skip
    return found


def _customers(r: random.Random) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = []
    for n in range(1, 321):
        since = (START + dt.timedelta(days=r.randrange(-900, DAYS - 40))).date()
        lost = since + dt.timedelta(days=r.randrange(120, 900)) if r.random() < 0.14 else None
        lost = lost if lost is None or lost <= dt.date(2026, 4, 30) else None
        found.append(
            (f"C-{n:04}", f"{WORDS[n % 10]} {FORMS[n // 10 % 8]} {n // 80 + 1}",
             _mixed(r, r.choices(["DE", "AT", "CH", "FR", "ES", "NL"], [6, 3, 2, 3, 2, 1])[0]),
             r.choices(["S", "M", "L"], [5, 3, 1])[0],
             r.choice(["okafor", "lindner", "bauer", "meunier", None]), since, lost, n % 64 == 0,
             f"it@customer{n}.example")
        )  # fmt: skip
    return found


def _releases(r: random.Random) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = []
    for prod in PRODUCTS:
        major, minor, patch = r.randrange(2, 5), 0, 0
        day = START.date() - dt.timedelta(days=r.randrange(5, 60))
        while day < dt.date(2026, 4, 30):
            kind = r.choices(["major", "minor", "patch"], [1, 4, 8])[0]
            if kind == "major":
                major, minor, patch = major + 1, 0, 0
            elif kind == "minor":
                minor, patch = minor + 1, 0
            else:
                patch += 1
            planned = day - dt.timedelta(days=r.choice([0, 0, 0, 3, 7, 14]))
            end = day + dt.timedelta(days=365) if kind != "patch" else None
            spelled = r.choices([kind, kind.capitalize(), kind.upper()], [6, 2, 1])[0]
            found.append(
                (len(found) + 1, prod, f"{major}.{minor}.{patch}", spelled, planned, day, end,
                 r.random() < 0.05)
            )  # fmt: skip
            day += dt.timedelta(days=r.randrange(5, 27))
    return found


def _licences(r: random.Random, customers: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = []
    for n in range(1, 781):
        owner = r.choice(customers)
        earliest = max(owner[5], dt.date(2024, 1, 1))
        start = earliest + dt.timedelta(days=r.randrange(0, 300))
        if start > dt.date(2026, 4, 30):
            start = earliest
        signed = start - dt.timedelta(days=r.randrange(0, 40))
        end = start + dt.timedelta(days=r.choice([365, 365, 730])) if r.random() < 0.45 else None
        given = end - dt.timedelta(days=r.randrange(30, 120)) if end and r.random() < 0.5 else None
        given = given if given is None or given <= dt.date(2026, 4, 30) else None
        edition = r.choices(["basic", "pro", "max"], [5, 4, 1])[0]
        seats = r.choice([1, 2, 3, 5, 5, 8, 10, 15, 25, 40, 100])
        fee = seats * {"basic": 590, "pro": 1490, "max": 2900}[edition]
        gone = (
            dt.datetime.combine(signed, dt.time(9)) + dt.timedelta(minutes=r.randrange(60, 90000))
            if r.random() < 0.05 else None
        )  # fmt: skip
        found.append(
            (f"L{n:05}", owner[0] if r.random() > 0.02 else None, _mixed(r, r.choice(PRODUCTS)),
             edition, seats, fee, r.choices(["", "5", "10", "7,5", "20", None], [8, 2, 3, 1, 1, 3])[0],
             signed, start, end, given, gone)
        )  # fmt: skip
    return found


def _invoices(r: random.Random, licences: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = []
    for licence in licences:
        if licence[11] is not None or licence[1] is None:
            continue
        day, end = licence[8], licence[9] or dt.date(2026, 4, 30)
        curr = "CHF" if r.random() < 0.12 else "EUR"
        months = r.choice([6, 12, 12])
        while day < min(end, dt.date(2026, 5, 1)):
            if day >= START.date():
                due = day + dt.timedelta(days=r.choice([14, 30, 30]))
                paid = day + dt.timedelta(days=r.randrange(2, 70))
                paid_on = paid if r.random() < 0.93 and paid <= dt.date(2026, 4, 30) else None
                cents = licence[5] * months + r.randrange(0, 999)
                linked = licence[0] if r.random() > 0.06 else None
                found.append(
                    (f"R{len(found) + 10001}", "INV", licence[1], linked, day, due, paid_on,
                     _text(cents), r.choice([19, 20, 0]), curr)
                )  # fmt: skip
                if r.random() < 0.07:
                    back = min(day + dt.timedelta(days=r.randrange(5, 60)), dt.date(2026, 4, 30))
                    found.append(
                        (f"R{len(found) + 10001}", "CN", licence[1], linked, back, back, None,
                         _text(cents // r.choice([1, 2, 4])), 19, curr)
                    )  # fmt: skip
            day += dt.timedelta(days=months * 30 + months // 2)
    return found


def tables() -> dict[str, Table]:
    r = random.Random(4711)
    agents, customers, releases = _agents(r), _customers(r), _releases(r)
    licences = _licences(r, customers)
    invoices = _invoices(r, licences)
    people = [a[0] for a in agents if not a[8]]
    tickets: list[tuple[Any, ...]] = []
    log: list[tuple[Any, ...]] = []
    surveys: list[tuple[Any, ...]] = []

    def note(ticket: int, before: str | None, after: str, at: dt.datetime, who: int | None) -> None:
        row = (len(log) + 1, ticket, before, after, at, who)
        log.append((*row, at + dt.timedelta(seconds=r.randrange(1, 90))))

    for n in range(1, 1281):
        no = 5000 + n
        opened = _whole(START + dt.timedelta(seconds=(n - 1 + r.random()) * DAYS * 86400 / 1280))
        prio = r.choices(list(PRIOS), [1, 3, 6, 3])[0]
        reply, solve = PRIOS[prio]
        state = r.choices(["closed", "solved", "pending", "open", "new", "spam", "merged"],
                          [70, 10, 4, 4, 2, 6, 4])[0]  # fmt: skip
        prod = r.choices([*PRODUCTS, None], [6, 4, 3, 1])[0]
        agent = r.choice(people) if state != "spam" and r.random() > 0.06 else None
        replied = solved = closed = None
        if state not in ("spam", "new", "merged"):
            replied = _whole(opened + dt.timedelta(hours=reply * r.uniform(0.05, 1.5)))
        if state in ("closed", "solved"):
            solved = _whole(opened + dt.timedelta(hours=solve * r.uniform(0.1, 1.6) + reply * 2))
        if state == "closed" and solved:
            closed = _whole(solved + dt.timedelta(hours=r.uniform(1, 240)))
        if replied and replied > END:
            state, replied, solved, closed = "new", None, None, None
        if solved and solved > END:
            state, solved, closed = "open", None, None
        if closed and closed > END:
            state, closed = "solved", None
        customer = r.choice(customers)[0] if r.random() > 0.01 else f"C-{9000 + n}"
        customer = r.choices([customer, customer.lower(), f" {customer}"], [8, 2, 1])[0]
        known = [x[2] for x in releases if x[1] == prod and x[5] <= opened.date()]
        reopens = r.choices([0, 1, 2, 3], [80, 14, 4, 2])[0] if solved else 0
        tickets.append(
            (no, None if state == "spam" or r.random() < 0.07 else customer, agent,
             _mixed(r, prod) if prod else None, _mixed(r, prio),
             r.choices(["mail", "web", "phone", "chat"], [5, 4, 2, 2])[0],
             r.choices(["bug", "question", "wish", "billing"], [5, 6, 2, 2])[0], state,
             5000 + r.randrange(1, n) if state == "merged" and n > 1 else None, r.random() < 0.03,
             opened, replied, solved, closed, r.randrange(2, 260) if solved and r.random() > 0.1 else None,
             reopens, known[-1] if known and r.random() < 0.7 else None, r.choice(SUBJECTS),
             f"user{r.randrange(1, 900)}@customer.example")
        )  # fmt: skip
        note(no, None, "new", opened, None)
        if state in ("spam", "merged"):
            note(no, "new", state, _whole(opened + dt.timedelta(minutes=r.randrange(2, 300))), None)
        last = "new"
        if replied:
            note(no, "new", "open", replied, agent)
            last = "open"
        if replied and (state == "pending" or (solved and r.random() < 0.25)):
            note(no, last, "pending", _whole(replied + dt.timedelta(minutes=20)), agent)
            last = "pending"
        if solved:
            note(no, last, "solved", solved, agent)
            if closed:
                note(no, "solved", "closed", closed, None)
            if r.random() < 0.55:
                sent = _whole(solved + dt.timedelta(hours=r.uniform(1, 30)))
                answered = _whole(sent + dt.timedelta(hours=r.uniform(0.2, 200)))
                did = r.random() < 0.46 and answered < END
                if sent > END:
                    continue
                surveys.append(
                    (len(surveys) + 1, no, sent, answered if did else None,
                     (r.choices(["5", "4", "3", "2", "1", "n/a"], [8, 6, 3, 2, 2, 1])[0] if did
                      else r.choice(["", None])),
                     r.choice(["thanks", "took too long", None]) if did else None)
                )  # fmt: skip
    again = [(*row[:6], row[6] + dt.timedelta(hours=6)) for row in log if r.random() < 0.04]
    log = sorted([*log, *again], key=lambda row: row[6])
    i, v, d, ts, b = "integer", "varchar", "date", "timestamp", "boolean"
    return {
        "hd.agents": ([("agent_id", i), ("nick", v), ("full_name", v), ("mail", v), ("team", v),
                       ("site", v), ("hired_on", d), ("left_on", d), ("is_bot", b)], agents),
        "hd.tickets": ([("tkt_no", i), ("cust_ref", v), ("agent_id", i), ("prod", v), ("prio", v),
                        ("chan", v), ("kind", v), ("state", v), ("merged_into", i), ("is_test", b),
                        ("opened_at", ts), ("first_reply_at", ts), ("solved_at", ts),
                        ("closed_at", ts), ("mins", i), ("reopens", i), ("ver", v), ("subj", v),
                        ("from_mail", v)], tickets),
        "hd.state_log": ([("ev_id", i), ("tkt_no", i), ("from_state", v), ("to_state", v),
                          ("chg_at", ts), ("by_agent", i), ("recv_at", ts)], log),
        "hd.surveys": ([("survey_id", i), ("tkt_no", i), ("sent_at", ts), ("answered_at", ts),
                        ("csat_score", v), ("remark", v)], surveys),
        "lic.customers": ([("cust_id", v), ("cust_name", v), ("ctry", v), ("seg", v),
                           ("acct_mgr", v), ("since_on", d), ("lost_on", d), ("is_internal", b),
                           ("contact_mail", v)], customers),
        "lic.licences": ([("lic_key", v), ("cust_id", v), ("prod", v), ("edition", v), ("seats", i),
                          ("fee_cents", i), ("disc_pct", v), ("signed_on", d), ("start_on", d),
                          ("end_on", d), ("notice_on", d), ("del_at", ts)], licences),
        "lic.invoices": ([("inv_no", v), ("inv_type", v), ("cust_id", v), ("lic_key", v),
                          ("inv_on", d), ("due_on", d), ("paid_on", d), ("net_amt", v),
                          ("vat_pct", i), ("curr", v)], invoices),
        "dev.releases": ([("rel_no", i), ("prod", v), ("ver", v), ("rel_kind", v), ("planned_on", d),
                          ("rel_on", d), ("eol_on", d), ("pulled", b)], releases),
    }  # fmt: skip
