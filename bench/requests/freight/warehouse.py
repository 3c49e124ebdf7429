"""Raw tables of a freight forwarder: PascalCase and upper-case names of two legacy systems.

`tms` is the transport management system (its SHIPMENTS hold dates as text), `trace` the tracking
feed with a JSON payload and times with an offset, `crm` the carriers with a history of contracts.
"""

from __future__ import annotations

import datetime as dt
import itertools
import json
import random

from bench.requests.company import Table

START, DAYS = dt.datetime(2025, 1, 1), 450
DEPOTS = [
    ("HAM", "Hamburg", "DE", "Europe/Berlin"), ("MUC", "Munich", "DE", "Europe/Berlin"),
    ("LYS", "Lyon", "FR", "Europe/Paris"), ("MAD", "Madrid", "ES", "Europe/Madrid"),
    ("RTM", "Rotterdam", "NL", "Europe/Amsterdam"), ("LHR", "London", "GB", "Europe/London"),
    ("WAW", "Warsaw", "PL", "Europe/Warsaw"),
]  # fmt: skip
CARRIERS = [
    (1, "Nordfracht", "ROAD", "DE"), (2, "TransIber", "ROAD", "ES"), (3, "RailOne", "RAIL", "NL"),
    (4, "Skyhop", "AIR", "GB"), (5, "Kurier Plus", "ROAD", "PL"), (6, "Old Haulage", "ROAD", "GB"),
]  # fmt: skip
SERVICES = [("STD", "Standard", 96), ("EXP", "Express", 48), ("ECO", "Economy", 168)]
SHIPPERS = ["Alto", "Brico", "Cargill & Sons", "Delta Foods", "Emil Bau", "Fjord Fish"]


def tables() -> dict[str, Table]:
    r = random.Random(31)
    clients = [
        (n, name, r.choice(["GOLD", "SILVER", "NONE"]), r.choice(["DE", "FR", "ES", "NL"]))
        for n, name in enumerate(SHIPPERS, 1)
    ]
    contracts = []
    for carrier, *_ in CARRIERS:
        day, rate = dt.date(2024, 7, 1), r.randrange(80, 160)
        for n in range(r.choice([1, 2, 3])):
            until = day + dt.timedelta(days=r.randrange(150, 300))
            contracts.append([carrier, f"K{carrier}-{n + 1}", rate / 100, day, until])
            day, rate = until, rate + r.randrange(-8, 20)
        contracts[-1][4] = None if carrier != 6 else dt.date(2025, 9, 30)
    shipments, legs, events, claims = [], [], [], []
    for s in range(1, 1101):
        booked = START + dt.timedelta(minutes=r.randrange((DAYS - 20) * 1440))
        service = r.choices(SERVICES, [6, 3, 2])[0]
        origin, target = r.sample(DEPOTS, 2)
        state = r.choices(["DLV", "TRN", "CAN", "LST"], [85, 6, 7, 2])[0]
        weight, value = round(r.uniform(5, 900), 1), r.randrange(50, 20000)
        price = round(weight * 0.4 + r.uniform(20, 90), 2)
        due = booked + dt.timedelta(hours=service[2])
        done = booked + dt.timedelta(hours=service[2] * r.uniform(0.4, 1.3))
        shipments.append(
            (f"S{s:05}", r.choice(clients)[0], service[0], origin[0], target[0], state,
             booked.strftime("%d.%m.%Y %H:%M"), due.strftime("%d.%m.%Y %H:%M"),
             done.strftime("%d.%m.%Y %H:%M") if state == "DLV" else "", weight, price, value,
             r.choice(["DAP", "EXW", None]))
        )  # fmt: skip
        stops = [origin, *r.sample([d for d in DEPOTS if d not in (origin, target)],
                                   r.choice([0, 0, 1, 2])), target]  # fmt: skip
        at = booked + dt.timedelta(hours=3)
        span = (done - at) / (len(stops) - 1)
        for n, (here, there) in enumerate(itertools.pairwise(stops), 1):
            carrier = r.choices(CARRIERS, [6, 3, 2, 1, 2, 1])[0]
            cost = round(price * r.uniform(0.3, 1.1) / (len(stops) - 1), 2)
            legs.append(
                (len(legs) + 1, f"S{s:05}", n, carrier[0], here[0], there[0], r.randrange(60, 1900),
                 cost, at, None if state in ("CAN", "TRN") else at + span)
            )  # fmt: skip
            offset = r.choice(["+01:00", "+00:00", "+02:00"])
            for code in ("PICKUP", "ARRIVE", *(["DELAY"] if r.random() < 0.2 else [])):
                when = (at if code == "PICKUP" else at + span).replace(microsecond=0)
                payload = {"code": code, "depot": here[0] if code == "PICKUP" else there[0]}
                if code == "DELAY":
                    payload |= {"reason": r.choice(["weather", "customs", "traffic"]),
                                "minutes": r.randrange(10, 600)}  # fmt: skip
                events.append(
                    (len(events) + 1, f"S{s:05}", n, f"{when.isoformat(sep=' ')}{offset}",
                     json.dumps(payload))
                )  # fmt: skip
            at += span
        if state == "LST" or r.random() < 0.05:
            filed = (done + dt.timedelta(days=r.randrange(1, 20))).date()
            amount = r.randrange(20, value) if value > 20 else 20
            claims.append(
                (f"C{len(claims) + 1}", f"S{s:05}", filed.strftime("%Y-%m-%d"), f"{amount},50",
                 r.choice(["OPEN", "Paid", "paid", "REJECTED"]))
            )  # fmt: skip
    i, v, d, ts, f, n = (
        "integer",
        "varchar",
        "date",
        "timestamp",
        "double precision",
        "decimal(12, 2)",
    )
    return {
        "tms.CLIENTS": ([("CLIENT_ID", i), ("CLIENT_NAME", v), ("TIER", v), ("COUNTRY", v)], clients),
        "tms.SHIPMENTS": ([("SHIPMENT_ID", v), ("CLIENT_ID", i), ("SERVICE", v), ("ORIGIN", v),
                           ("DESTINATION", v), ("STATE", v), ("BOOKED_ON", v), ("DUE_ON", v),
                           ("DELIVERED_ON", v), ("WEIGHT_KG", f), ("PRICE", n),
                           ("DECLARED_VALUE", i), ("INCOTERM", v)], shipments),
        "tms.LEGS": ([("LEG_ID", i), ("SHIPMENT_ID", v), ("LEG_NO", i), ("CARRIER_ID", i),
                      ("FROM_DEPOT", v), ("TO_DEPOT", v), ("DISTANCE_KM", i), ("COST", n),
                      ("DEPARTED_AT", ts), ("ARRIVED_AT", ts)], legs),
        "tms.DEPOTS": ([("DEPOT", v), ("CITY", v), ("COUNTRY", v), ("TIME_ZONE", v)], DEPOTS),
        "tms.SERVICES": ([("SERVICE", v), ("SERVICE_NAME", v), ("PROMISED_HOURS", i)], SERVICES),
        "tms.CLAIMS": ([("CLAIM_NO", v), ("SHIPMENT_ID", v), ("FILED_ON", v), ("AMOUNT", v),
                        ("CLAIM_STATE", v)], claims),
        "crm.Carriers": ([("CarrierId", i), ("CarrierName", v), ("Mode", v), ("Country", v)], CARRIERS),
        "crm.CarrierContracts": ([("CarrierId", i), ("ContractNo", v), ("RatePerKm", n),
                                  ("ValidFrom", d), ("ValidTo", d)],
                                 [tuple(c) for c in contracts]),
        "trace.Events": ([("EventId", i), ("ShipmentId", v), ("LegNo", i), ("OccurredAt", "timestamp with time zone"),
                          ("Payload", "json")], events),
    }  # fmt: skip
