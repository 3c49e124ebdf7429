"""Raw tables of a car sharing firm: an app's database, the fleet's spreadsheet-like tool, a payment provider.

`app` holds members (some of the team's own, flagged), their plans (type 2: the next row begins on
the day the last one ends), bookings and trips (metres, cents), `fleet` vehicles, stations and
damages, `pay` attempts to charge a trip.
"""

# ruff: noqa: E501
from __future__ import annotations

import datetime as dt
import random

from bench.requests.company import Table

START = dt.datetime(2024, 7, 1)
END = dt.datetime(2026, 2, 28, 23, 30)
TOWNS = [
    ("Dublin", "IE", "DUB", 6), ("Cork", "IE", "ORK", 4), ("Galway", "IE", "GWY", 3),
    ("Dundalk", "IE", "DDK", 2), ("Belfast", "GB", "BFS", 5), ("Derry", "GB", "LDY", 2),
    ("Newry", "GB", "NRY", 2),
]  # fmt: skip
PLACES = ["Station Road", "Harbour", "Old Market", "University", "Bridge Street", "Airport"]
CARS = [
    ("Corsa", "S", "P"), ("Zoe", "S", "E"), ("i20", "S", "P"), ("Corolla", "M", "H"),
    ("Leaf", "M", "E"), ("Octavia", "L", "P"), ("Niro", "L", "H"), ("Vivaro", "V", "P"),
]  # fmt: skip
RATE = {"S": 21, "M": 26, "L": 33, "V": 41}
FEES = {"PAYG": 0, "PLUS": 900, "BIZ": 2900}


def tables() -> dict[str, Table]:
    r = random.Random(4711)
    stations = []
    for town, country, code, many in TOWNS:
        for n in range(1, many + 1):
            opened = dt.date(2023, 3, 1) + dt.timedelta(days=r.randrange(700))
            stations.append(
                (f"{code}-{n:02}", f"{town} {PLACES[n - 1]}", town, country, r.choice([3, 4, 6, 8, 12]), opened)
            )  # fmt: skip
    stations.append(("GWY-99", "Galway Depot", "Galway", "IE", None, dt.date(2023, 3, 1)))
    at_station = {s[0]: s for s in stations}
    vehicles = []
    for n in range(1, 131):
        model, size, fuel = r.choice(CARS)
        since = dt.date(2023, 6, 1) + dt.timedelta(days=r.randrange(800))
        gone = since + dt.timedelta(days=r.randrange(200, 600)) if r.random() < 0.15 else None
        if gone and gone > END.date():
            gone = None
        home = r.choice(stations[:-1])[0] if r.random() < 0.95 else None
        vehicles.append(
            (n, f"{r.choice(['241', '232', '251'])}-{n:04}", model, size, fuel, home, since, gone)
        )
    members, plans = [], []
    for n in range(1, 801):
        joined = START + dt.timedelta(minutes=r.randrange(0, 595 * 1440))
        closed = (
            joined + dt.timedelta(minutes=r.randrange(40 * 1440, 500 * 1440))
            if r.random() < 0.14
            else None
        )
        if closed and closed > END:
            closed = None
        channel = r.choices(
            ["organic", "referral", "paid_social", "partner", None], [40, 22, 20, 10, 8]
        )[0]
        by = r.randrange(1, n) if channel == "referral" and n > 1 else None
        born = (
            dt.date(1950, 1, 1) + dt.timedelta(days=r.randrange(20000))
            if r.random() < 0.87
            else None
        )
        town = r.choices([t[0] for t in TOWNS] + [None], [30, 15, 12, 6, 20, 7, 5, 5])[0]
        members.append(
            (n, f"Member {n:04}", f"m{n}@mail.example", town, joined, born, channel, by,
             "Y" if r.random() < 0.03 else "N", closed)
        )  # fmt: skip
        day, plan = joined.date(), r.choices(["PAYG", "PLUS", "BIZ"], [65, 27, 8])[0]
        last = closed.date() if closed else END.date()
        while True:
            until = day + dt.timedelta(days=r.randrange(30, 420)) if r.random() < 0.45 else None
            if until is None or until > last:
                plans.append(
                    (len(plans) + 1, n, plan, FEES[plan], day, closed.date() if closed else None)
                )
                break
            plans.append((len(plans) + 1, n, plan, FEES[plan], day, until))
            day, plan = until, r.choice([p for p in FEES if p != plan])
    bookings, trips, payments, damages = [], [], [], []
    for _ in range(4200):
        m = r.choice(members)
        stop = min(m[9] or END, END)
        span = int((stop - m[4]).total_seconds() // 60)
        made = m[4] + dt.timedelta(minutes=int(span * r.random() ** 1.4))
        begin = made + dt.timedelta(
            minutes=r.choice([10, 30, 60, 240, 900, 1440, 2900, 7200, 20000]) + r.randrange(9)
        )
        end = begin + dt.timedelta(minutes=r.choice([45, 60, 90, 120, 240, 480, 1440, 2880]))
        cars = [
            v for v in vehicles if v[6] <= begin.date() and (v[7] is None or v[7] > begin.date())
        ]
        car = r.choice(cars)
        station = car[5] or r.choice(stations[:-1])[0]
        status = r.choices(["completed", "cancelled", "no_show"], [80, 15, 5])[0]
        if begin > END:
            status = "cancelled" if status == "cancelled" else "confirmed"
        elif end > END and status == "completed":
            status = "active"
        off = (
            made
            + dt.timedelta(
                minutes=r.randrange(1, max(2, int((begin - made).total_seconds() // 60)))
            )
            if status == "cancelled"
            else None
        )
        promo = r.choice([None, None, None, None, "WELCOME10", "STUDENT", "welcome10"])
        booking = f"B{100000 + len(bookings)}"
        bookings.append(
            (booking, m[0], car[0], station, made, begin, end, status, off, promo, r.choice(["app", "app", "app", "web", "phone"]))
        )  # fmt: skip
        if status not in ("completed", "active"):
            continue
        legs = 2 if status == "completed" and r.random() < 0.04 else 1
        at = begin + dt.timedelta(minutes=r.randrange(-3, 20))
        for _ in range(legs):
            length = int((end - begin).total_seconds() // 60 // legs * r.uniform(0.7, 1.12)) + 1
            until = None if status == "active" else at + dt.timedelta(minutes=length)
            metres = None if until is None else int(length * r.uniform(80, 700))
            currency = "GBP" if at_station[station][3] == "GB" else "EUR"
            fee = 0 if until is None else length * RATE[car[3]] // (4 if length > 400 else 1) + 150
            if until and r.random() < 0.03:
                fee = 0
            back = (
                None
                if until is None or r.random() < 0.07
                else (station if r.random() < 0.85 else r.choice(stations)[0])
            )
            trip = len(trips) + 1
            trips.append((trip, booking, at, until, metres, back, fee, currency))
            if until and fee:
                when = until + dt.timedelta(minutes=r.randrange(1, 300))
                for k in range(r.choices([1, 2, 3], [90, 8, 2])[0]):
                    state = "failed" if r.random() < 0.06 else "captured"
                    if k and payments[-1][6] == "captured" and payments[-1][1] == trip:
                        break
                    payments.append(
                        (len(payments) + 1, trip, when, when.date() + dt.timedelta(days=r.choice([1, 2, 2, 3])) if state == "captured" else None,
                         fee, currency, state, r.choice(["card", "card", "wallet", "sepa"]))
                    )  # fmt: skip
                    when += dt.timedelta(hours=30)
                if payments[-1][6] == "captured" and r.random() < 0.03:
                    payments.append(
                        (
                            len(payments) + 1,
                            trip,
                            when + dt.timedelta(days=4),
                            (when + dt.timedelta(days=6)).date(),
                            -fee,
                            currency,
                            "refunded",
                            payments[-1][7],
                        )
                    )
            if until and r.random() < 0.07:
                seen = until.date() + dt.timedelta(days=r.randrange(0, 3))
                mended = seen + dt.timedelta(days=r.randrange(1, 40)) if r.random() < 0.8 else None
                damages.append(
                    (len(damages) + 1, car[0], trip if r.random() < 0.8 else None, seen, mended,
                     r.randrange(40, 2600) * 100 if mended else None, r.choices(["1", "2", "3"], [60, 30, 10])[0], r.choice(["Y", "N", None]))
                )  # fmt: skip
            at = (until or at) + dt.timedelta(minutes=5)
    payments = [p for p in payments if p[2] <= END]
    i, v, d, ts = "integer", "varchar", "date", "timestamp"
    return {
        "app.members": ([("id", i), ("full_name", v), ("email", v), ("city", v), ("signed_up_at", ts), ("birth_date", d),
                         ("channel", v), ("referred_by", i), ("test_flag", v), ("closed_at", ts)], members),
        "app.member_plans": ([("id", i), ("member_id", i), ("plan_code", v), ("monthly_fee_cents", i), ("valid_from", d),
                              ("valid_to", d)], plans),
        "app.bookings": ([("booking_no", v), ("member_id", i), ("vehicle_id", i), ("station_id", v), ("created_at", ts),
                          ("start_at", ts), ("end_at", ts), ("status", v), ("cancelled_at", ts), ("promo_code", v),
                          ("channel", v)], bookings),
        "app.trips": ([("id", i), ("booking_no", v), ("started_at", ts), ("ended_at", ts), ("distance_m", i),
                       ("return_station_id", v), ("fee_cents", i), ("currency", v)], trips),
        "fleet.vehicles": ([("id", i), ("plate", v), ("model", v), ("class", v), ("fuel", v), ("home_station", v),
                            ("in_service_on", d), ("retired_on", d)], vehicles),
        "fleet.stations": ([("id", v), ("name", v), ("city", v), ("country", v), ("bays", i), ("opened_on", d)], stations),
        "fleet.damages": ([("id", i), ("vehicle_id", i), ("trip_id", i), ("reported_on", d), ("repaired_on", d),
                           ("repair_cost_cents", i), ("severity", v), ("insured", v)], damages),
        "pay.payments": ([("id", i), ("trip_id", i), ("attempted_at", ts), ("settled_on", d), ("amount_cents", i),
                          ("currency", v), ("status", v), ("method", v)], payments),
    }  # fmt: skip
