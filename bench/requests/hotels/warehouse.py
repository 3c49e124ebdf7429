"""Raw tables of a hotel group: a property-management system, a CRM and a survey tool.

`pms` holds hotels, rooms, reservations, folio charges and payments (money in cents, channels and
methods in any case, a training hotel), `crm` guests ("Last, First") and a history of loyalty tiers,
`survey` the reviews, which nobody has modelled yet.
"""

from __future__ import annotations

import datetime as dt
import random
from typing import Any

from bench.requests.company import Table

FIRST, LATEST = dt.date(2024, 1, 1), dt.date(2025, 6, 30)
HOTELS = [
    (1, "LISB", "Harbour Lisbon", "Lisbon", "PT", "4", dt.date(2015, 4, 1), False),
    (2, "PORT", "Ribeira House", "Porto", "PT", "3", dt.date(2018, 6, 15), False),
    (3, "LYON", "Grand Lyon", "Lyon", "FR", "4", dt.date(2011, 9, 1), False),
    (4, "NICE", "Promenade Nice", "Nice", "FR", "5", dt.date(2009, 3, 20), False),
    (5, "HAMB", "Alster Hamburg", "Hamburg", "DE", "4", dt.date(2019, 1, 10), False),
    (6, "VALE", "Playa Valencia", "Valencia", "ES", "3", dt.date(2021, 5, 5), False),
    (7, "BILB", "Casa Bilbao", "Bilbao", "ES", None, dt.date(2024, 2, 1), False),
    (99, "ZZTR", "Training Hotel", None, None, None, None, True),
]
SIZES = {1: 60, 2: 34, 3: 48, 4: 40, 5: 52, 6: 38, 7: 20, 99: 6}
TYPES = [("SGL", 1), ("DBL", 2), ("TWN", 2), ("FAM", 4), ("SUI", 3)]
RATES = {"SGL": 8900, "DBL": 12900, "TWN": 11900, "FAM": 16900, "SUI": 25900}
LAST = ["Miller", "Sousa", "Durand", "Keller", "Garcia", "Olsen", "Rossi", "Novak", "Brown", "Ito"]
GIVEN = ["Anna", "Tom", "Lea", "Jonas", "Marta", "Luc", "Ines", "Paul", "Eva", "Nuno", "Kim"]


def _moment(r: random.Random, day: dt.date, first: int = 0, last: int = 24) -> dt.datetime:
    start = dt.datetime(day.year, day.month, day.day)
    return start + dt.timedelta(minutes=r.randrange(first * 60, last * 60))


def _guests(r: random.Random) -> list[tuple[Any, ...]]:
    guests: list[tuple[Any, ...]] = []
    for n in range(1, 701):
        last, given = r.choice(LAST), r.choice(GIVEN)
        created = _moment(r, FIRST + dt.timedelta(days=r.randrange(-400, 500)))
        email: str | None = f"{given}.{last}{n}@mail.example"
        if n > 640 and r.random() < 0.5:  # the same person once more
            email = guests[r.randrange(0, 600)][2]
            email = email and email.upper().strip()
        elif r.random() < 0.08:
            email = None
        born = dt.date(1945, 1, 1) + dt.timedelta(days=r.randrange(22000))
        guests.append(
            (n, f"{last}, {given}", email, r.choice(["PT", "FR", "DE", "DE", "ES", "GB", "US", None]),
             born if r.random() < 0.7 else None, r.choice(["Y", "Y", "N", None]), created)
        )  # fmt: skip
    return guests


def _tiers(r: random.Random) -> list[tuple[Any, ...]]:
    tiers = []
    for n in range(1, 701):
        if r.random() < 0.45:
            continue
        day = FIRST + dt.timedelta(days=r.randrange(-300, 450))
        for tier in ("BLUE", "SILVER", "GOLD", "PLATINUM"):
            until = day + dt.timedelta(days=r.randrange(60, 320))
            stays = r.random() < 0.5 or tier == "PLATINUM" or until > LATEST
            ended = stays and until <= LATEST and r.random() < 0.12  # left the programme
            tiers.append((n, tier, day, until if ended or not stays else None))
            if stays:
                break
            day = until
    return tiers


def tables() -> dict[str, Table]:
    r = random.Random(4711)
    rooms: list[tuple[Any, ...]] = []
    for hotel, size in SIZES.items():
        for k in range(size):
            code, most = r.choices(TYPES, [2, 5, 3, 2, 1])[0]
            floor = 1 + k // 12
            broken = dt.date(2025, r.randrange(1, 7), 3) if r.random() < 0.03 else None
            rooms.append(
                (len(rooms) + 1, hotel, f"{floor}{k % 12 + 1:02}", code, str(floor), most, broken)
            )
    by_hotel = {h: [x for x in rooms if x[1] == h] for h in SIZES}
    guests, tiers = _guests(r), _tiers(r)
    reservations: list[tuple[Any, ...]] = []
    charges: list[tuple[Any, ...]] = []
    payments: list[tuple[Any, ...]] = []
    reviews: list[tuple[Any, ...]] = []
    for n in range(1, 1421):
        hotel = r.choices(list(SIZES), [9, 5, 7, 6, 8, 6, 3, 1])[0]
        booked = _moment(r, FIRST + dt.timedelta(days=r.randrange((LATEST - FIRST).days + 1)))
        if n in (1419, 1420):
            booked, hotel = _moment(r, LATEST), 1
        if hotel == 7 and booked.date() < dt.date(2024, 2, 1):
            hotel = 5
        arrival = booked.date() + dt.timedelta(days=int(r.expovariate(1 / 32)))
        nights = r.choice([1, 1, 1, 2, 2, 2, 3, 3, 4, 5, 7, 9])
        departure = arrival + dt.timedelta(days=nights)
        room = r.choice(by_hotel[hotel])
        known = [g for g in guests if g[6] <= booked] if r.random() < 0.88 else []
        guest = r.choice(known[: max(1, len(known) // 2)] + known)[0] if known else None
        if hotel == 99:
            guest = None
        gone, cancelled = r.random(), None
        if gone < 0.16:
            status = "CXL"
            days = max((arrival - booked.date()).days, 0)
            cancelled = booked + dt.timedelta(minutes=r.randrange(10, max(days, 1) * 1440))
            cancelled = min(cancelled, dt.datetime(2025, 6, 30, 23, 30))
        elif arrival > LATEST:
            status = "CNF"
        elif gone < 0.2:
            status = "NSH"
        elif departure > LATEST:
            status = "INH"
        else:
            status = "OUT"
        price = int(RATES[room[3]] * r.choice([0.8, 0.9, 1, 1, 1.15, 1.3])) // 10 * 10
        rate = r.choice(["FLEX", "FLEX", "flex", "NREF", "NREF", "CORP", "PKG"])
        channel = r.choice(
            [
                "web",
                "Web",
                "web ",
                "app",
                "phone",
                "booking.com",
                "Booking.com",
                "expedia",
                "agency",
            ]
        )
        has_room = status not in ("CNF", "CXL") or r.random() < 0.3
        adults = r.randrange(1, room[5] + 1)
        children = r.choice([0, 0, 1, 2]) if room[5] > 2 else r.choice([0, None])
        number = f"H{hotel:02}-{70000 + n}"
        reservations.append(
            (n, number, guest, hotel, room[0] if has_room else None, rate, channel, status, booked,
             arrival, departure, cancelled, adults, children, price * nights)
        )  # fmt: skip
        if hotel == 99:
            continue
        total = 0

        def charge(day: dt.date, dept: str, amount: int, res: int = n) -> int:
            void = r.choices([True, False, None], [4, 80, 16])[0]
            hours = (22, 24) if dept == "ROOM" else (8, 22)
            charges.append((len(charges) + 1, res, _moment(r, day, *hours), dept, amount, void))
            return 0 if void else amount

        if status in ("OUT", "INH"):
            for k in range(min(nights, (LATEST - arrival).days + 1)):
                day = arrival + dt.timedelta(days=k)
                total += charge(day, "ROOM", price)
                if r.random() < 0.32:
                    dept = r.choice(["FNB", "FNB", "FNB", "SPA", "PRK", "MIN"])
                    total += charge(day, dept, r.randrange(4, 90) * 100 + r.choice([0, 50]))
        elif status == "NSH":
            total += charge(arrival, "ROOM", price)
        if status == "OUT" or (status == "CNF" and rate == "NREF"):
            at = _moment(r, departure if status == "OUT" else booked.date(), 6, 12)
            method = r.choice(["card", "card", "Card", "cash", "TRANSFER", "wallet", None])
            amount = total or price * nights
            if r.random() < 0.12:
                failed = (at - dt.timedelta(minutes=4), method, amount, "failed")
                payments.append((len(payments) + 1, n, *failed))
            payments.append((len(payments) + 1, n, at, method, amount, "captured"))
            if r.random() < 0.05:
                back = min(at + dt.timedelta(days=r.randrange(1, 20)), dt.datetime(2025, 6, 30, 20))
                payments.append((len(payments) + 1, n, back, method, -(amount // 4), "refunded"))
        if status == "OUT" and r.random() < 0.5:
            at = min(_moment(r, departure + dt.timedelta(days=r.randrange(1, 9))),
                     dt.datetime(2025, 6, 30, 22))  # fmt: skip
            score = None if r.random() < 0.06 else min(10, int(r.gauss(8, 1.7)))
            platform = r.choice(["own", "own", "google", "tripadvisor"])
            known_stay = number if r.random() < 0.95 else None
            reviews.append((len(reviews) + 1, known_stay, score, at, platform))
    i, v, d, ts, b = "integer", "varchar", "date", "timestamp", "boolean"
    return {
        "pms.hotels": ([("hotel_id", i), ("hotel_code", v), ("hotel_name", v), ("city", v),
                        ("country", v), ("stars", v), ("opened_on", d), ("is_training", b)], HOTELS),
        "pms.rooms": ([("room_id", i), ("hotel_id", i), ("room_no", v), ("room_type", v),
                       ("floor", v), ("max_guests", i), ("out_of_order_since", d)], rooms),
        "pms.reservations": ([("res_id", i), ("conf_no", v), ("guest_id", i), ("hotel_id", i),
                              ("room_id", i), ("rate_code", v), ("channel", v), ("status", v),
                              ("booked_at", ts), ("arrival", d), ("departure", d),
                              ("cancelled_at", ts), ("adults", i), ("children", i),
                              ("total_cents", i)], reservations),
        "pms.charges": ([("charge_id", i), ("res_id", i), ("posted_at", ts), ("dept", v),
                         ("amount_cents", i), ("voided", b)], charges),
        "pms.payments": ([("payment_id", i), ("res_id", i), ("paid_at", ts), ("method", v),
                          ("amount_cents", i), ("status", v)], payments),
        "crm.guests": ([("guest_id", i), ("name", v), ("email", v), ("country", v),
                        ("birth_date", d), ("opt_in", v), ("created_at", ts)], guests),
        "crm.loyalty_tiers": ([("guest_id", i), ("tier", v), ("valid_from", d), ("valid_to", d)],
                              tiers),
        "survey.reviews": ([("review_id", i), ("conf_no", v), ("score", i), ("submitted_at", ts),
                            ("platform", v)], reviews),
    }  # fmt: skip
