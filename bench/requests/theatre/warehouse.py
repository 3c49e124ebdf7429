"""Raw tables of a theatre company: terse names of a box-office system, prefixes of type in the models.

`box` is the box-office system (prices in cents, seat categories with stray blanks, channels in any
case), `house` the planning of the house, `box.donations` a spreadsheet (amounts as text).
"""

from __future__ import annotations

import datetime as dt
import random

from bench.requests.company import Table

START = dt.datetime(2024, 9, 1)
HALLS = [
    ("BIG", "Main Stage", "Aldstadt", 120), ("STU", "Studio", "Aldstadt", 40),
    ("CAV", "The Cave", "Aldstadt", 25), ("RIV", "River Hall", "Neuhafen", 80),
]  # fmt: skip
PLAYS = [
    ("Hamlet", "DRA"), ("The Seagull", "DRA"), ("Medea", "DRA"), ("Noises Off", "COM"),
    ("Tartuffe", "COM"), ("The Miser", "COM"), ("Carmen", "OPE"), ("La Boheme", "OPE"),
    ("Momo", "KID"), ("The Little Witch", "KID"), ("Pippi", "KID"), ("Open Mic", None),
]  # fmt: skip
DIRECTORS = ["A. Brandt", "L. Okafor", "M. Sand", None]
TOWNS = ["Aldstadt", "Neuhafen", "Weiler", "Grube", None]


def tables() -> dict[str, Table]:
    r = random.Random(77)
    productions = []
    for n, (title, genre) in enumerate(PLAYS, 1):
        first = (START + dt.timedelta(days=r.randrange(5, 260))).date()
        last = None if n % 4 == 0 else first + dt.timedelta(days=r.randrange(90, 220))
        budget = f"{r.randrange(8, 90)}.{r.randrange(0, 999):03},00" if n % 5 else ""
        productions.append((100 + n, title, genre, r.choice(DIRECTORS), first, last, budget))
    performances = []
    for _ in range(280):
        play = r.choice(productions)
        end = play[5] or dt.date(2026, 3, 15)
        day = play[4] + dt.timedelta(days=r.randrange((end - play[4]).days + 1))
        hour, minute = r.choice([(11, 0), (15, 30), (18, 0), (19, 30), (20, 0), (20, 0)])
        at = dt.datetime(day.year, day.month, day.day, hour, minute)
        status = "O" if at > dt.datetime(2026, 1, 31, 23) else r.choices(["P", "X"], [92, 8])[0]
        performances.append(
            (len(performances) + 1, play[0], r.choices(HALLS, [4, 2, 1, 3])[0][0], at, status)
        )
    customers = []
    for n in range(1, 501):
        since = START + dt.timedelta(days=r.randrange(480))
        born = (
            dt.date(1940, 1, 1) + dt.timedelta(days=r.randrange(24000))
            if r.random() < 0.8
            else None
        )
        customers.append(
            (n, f"Guest {n:03}", r.choice(TOWNS), r.choices(["P", "S", "C"], [88, 5, 7])[0], born,
             r.choice(["Y", "N", None]), since.date())
        )  # fmt: skip
    orders, tickets, scans = [], [], []
    for _ in range(1900):
        show = r.choice(performances)
        lead = dt.timedelta(minutes=r.randrange(60, 40 * 1440))
        at = min(show[3], dt.datetime(2026, 1, 31, 22)) - lead
        if at < START:
            at = START + dt.timedelta(minutes=r.randrange(60, 600))
        known = [c for c in customers if c[6] <= at.date()]
        guest = r.choice(known)[0] if known and r.random() < 0.82 else None
        status = r.choices(["paid", "open", "void"], [86, 5, 9])[0]
        channel = r.choice(["web", "WEB", "desk", "phone", "Agency", "web"])
        if guest is None and channel.lower() == "web":
            channel = "desk"
        order = f"T{24000 + len(orders)}"
        orders.append((order, guest, channel, at, status))
        for _ in range(r.choice([1, 2, 2, 2, 3, 4])):
            price, off = (
                r.randrange(9, 79) * 100 + r.choice([0, 50]),
                r.choice([None, None, "STUD", "KIDS", "SEN"]),
            )
            state, sold, back = "SOLD", at, None
            if status == "open":
                state, sold = "HELD", None
            elif status == "void" or (show[4] == "X" and r.random() < 0.9) or r.random() < 0.04:
                state, back = "RETURNED", at + dt.timedelta(hours=r.randrange(2, 200))
            elif r.random() < 0.05:
                state, price = "FREE", 0
            seat = r.choice(["A", "B", "B", "C", "C ", " A"])
            tickets.append((len(tickets) + 1, order, show[0], seat, price, off, state, sold, back))
            if state in ("SOLD", "FREE") and show[4] == "P":
                for _ in range(r.choices([0, 1, 2], [11, 85, 4])[0]):
                    when = show[3] - dt.timedelta(minutes=r.randrange(1, 55))
                    scans.append(
                        (len(scans) + 1, len(tickets), when, r.choice(["N1", "N2", "S1", None]))
                    )
    donations = []
    for n in range(1, 241):
        day = (START + dt.timedelta(days=r.randrange(510))).date()
        amount = r.choice(["10,00", "25,00", "25,50", "50,00", "75,20", "100,00", "1250,00"])
        giver = None if r.random() < 0.25 else r.randrange(1, 501)
        donations.append((n, giver, day, amount, r.choice(["roof", "youth", "youth", None])))
    i, v, d, ts = "integer", "varchar", "date", "timestamp"
    return {
        "box.cust": ([("cust_no", i), ("name", v), ("town", v), ("cust_typ", v), ("born", d),
                      ("newsl", v), ("reg_dt", d)], customers),
        "box.ord": ([("ord_no", v), ("cust_no", i), ("chan", v), ("ord_ts", ts), ("stat", v)], orders),
        "box.tkt": ([("tkt_no", i), ("ord_no", v), ("perf_no", i), ("seat_cat", v), ("price_ct", i),
                     ("disc_cd", v), ("stat", v), ("sold_ts", ts), ("ret_ts", ts)], tickets),
        "box.scan": ([("scan_no", i), ("tkt_no", i), ("scan_ts", ts), ("gate", v)], scans),
        "box.donations": ([("don_no", i), ("cust_no", i), ("given_on", d), ("amount", v),
                           ("purpose", v)], donations),
        "house.prod": ([("prod_no", i), ("title", v), ("genre", v), ("director", v),
                        ("first_night", d), ("last_night", d), ("budget", v)], productions),
        "house.perf": ([("perf_no", i), ("prod_no", i), ("hall", v), ("start_ts", ts), ("stat", v)],
                       performances),
        "house.hall": ([("hall", v), ("hall_name", v), ("town", v), ("seats", i)], HALLS),
    }  # fmt: skip
