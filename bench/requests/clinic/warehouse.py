"""Raw tables of a group of practices: German names and codes, numbers with a decimal comma."""

from __future__ import annotations

import datetime as dt
import random

from bench.requests.company import Table

START, END = dt.datetime(2024, 7, 1), dt.datetime(2026, 2, 28, 18, 0)
SITES = [
    ("B1", "Praxis am Markt", "Bonn", "NRW"), ("B2", "Praxis Südstadt", "Bonn", "NRW"),
    ("K1", "Medizinzentrum Köln", "Köln", "NRW"), ("M1", "Praxis Mainz", "Mainz", "RLP"),
    ("T1", "Praxis Trier", "Trier", "RLP"),
]  # fmt: skip
FIELDS = ["Allgemein", "Kardiologie", "Orthopädie", "Dermatologie"]
CODES = [
    ("01010", "Beratung kurz", "BERATUNG", "10,50"), ("01020", "Beratung lang", "BERATUNG", "28,00"),
    ("02100", "EKG", "DIAGNOSTIK", "26,55"), ("02200", "Sonografie", "DIAGNOSTIK", "40,20"),
    ("03100", "Verband", "THERAPIE", "8,90"), ("03200", "Infusion", "THERAPIE", "33,10"),
    ("09000", "Attest", "SONSTIGES", "5,40"),
]  # fmt: skip
PARAMETERS = [("HB", "g/dl", 9, 18), ("CRP", "mg/l", 0, 60), ("TSH", "mU/l", 0, 8)]


def _between(r: random.Random, start: dt.datetime, end: dt.datetime) -> dt.datetime:
    return start + dt.timedelta(
        minutes=r.randrange(max(int((end - start).total_seconds() // 60), 1))
    )


def tables() -> dict[str, Table]:
    r = random.Random(47)
    staff = []
    for b in range(1, 15):
        joined = (START - dt.timedelta(days=r.randrange(100, 2000))).date()
        left = dt.date(2025, r.randrange(3, 12), 30) if b % 5 == 0 else None
        staff.append((b, f"Dr. Beispiel {b}", FIELDS[b % 4], SITES[b % 5][0], joined, left))
    patients = []
    for p in range(1, 401):
        created = _between(r, START - dt.timedelta(days=200), END - dt.timedelta(days=20))
        born = dt.date(r.randrange(1935, 2018), r.randrange(1, 13), r.randrange(1, 28))
        patients.append(
            (p, f"Nachname{p}", f"Vorname{p}", born.strftime("%d.%m.%Y"),
             r.choice(["m", "w", "W", "M", "d", None]), r.choice(["53111", "50667", "55116", "54290"]),
             r.choices(["GKV", "PKV", "Selbst"], [7, 2, 1])[0], created,
             r.choices(["0", "1", None], [80, 3, 17])[0], r.choice(["HA-1", "HA-2", "HA-3", None]))
        )  # fmt: skip
    visits, services, invoices, results, waiting = [], [], [], [], []
    for v in range(1, 1801):
        at = _between(r, START, END).replace(minute=0) + dt.timedelta(minutes=r.choice([0, 15, 30]))
        doctor, patient = r.choice(staff), r.choice(patients)
        state = r.choices(["E", "S", "N", "e"], [74, 9, 9, 8])[0]
        seen = state in ("E", "e")
        begin = at + dt.timedelta(minutes=r.randrange(-5, 50)) if seen else None
        finish = begin + dt.timedelta(minutes=r.randrange(5, 60)) if begin else None
        visits.append(
            (v, patient[0], doctor[3] if r.random() < 0.9 else r.choice(SITES)[0], doctor[0], at,
             at - dt.timedelta(days=r.randrange(0, 60)), begin, finish, state,
             r.choices(["ERST", "FOLGE", "VIDEO"], [3, 6, 2])[0], r.random() < 0.01)
        )  # fmt: skip
        if not seen:
            continue
        cents = 0
        for code in r.sample(CODES, r.choice([1, 1, 2, 3])):
            count = r.choice([1, 1, 1, 2])
            services.append(
                (len(services) + 1, v, f" {code[0]}" if r.random() < 0.1 else code[0], count)
            )
            cents += count * round(float(code[3].replace(",", ".")) * 100)
        if patient[6] != "GKV" or r.random() < 0.3:
            day = (at + dt.timedelta(days=r.randrange(1, 30))).date()
            status = r.choices(["bezahlt", "offen", "storniert"], [82, 12, 6])[0]
            paid = cents if status == "bezahlt" else (cents // 2 if r.random() < 0.2 else 0)
            invoices.append(
                (f"R{len(invoices) + 1:05}", patient[0], v, day, cents, paid, status,
                 r.choice([0, 0, 1, 2]) if status == "offen" else 0, r.choice(["BAR", "EC", "SEPA"]))
            )  # fmt: skip
        if r.random() < 0.45:
            name, unit, low, high = r.choice(PARAMETERS)
            for version in range(1, 2 + (r.random() < 0.12)):
                value = f"{r.uniform(low, high):.1f}".replace(".", ",")
                results.append(
                    (len(results) + 1, f"L{v}-{name}", version, v, name, value, unit,
                     at + dt.timedelta(hours=r.randrange(2, 90)))
                )  # fmt: skip
    for w in range(1, 161):
        since = _between(r, START, END)
        until = since + dt.timedelta(days=r.randrange(1, 120)) if r.random() < 0.7 else None
        waiting.append(
            (w, r.choice(patients)[0], r.choice(SITES)[0], since.strftime("%Y%m%d"),
             until.strftime("%Y%m%d") if until else "00000000", r.choice(["1", "2", "3", " 2"]))
        )  # fmt: skip
    prices = [
        (code[0], round(float(code[3].replace(",", ".")) * factor, 2), start, end)
        for code in CODES
        for factor, start, end in (
            (0.95, dt.date(2024, 1, 1), dt.date(2024, 12, 31)),
            (1.0, dt.date(2025, 1, 1), dt.date(2025, 12, 31)),
            (1.04, dt.date(2026, 1, 1), None),
        )
    ]
    i, v_, d, ts, b_ = "integer", "varchar", "date", "timestamp", "boolean"
    return {
        "kis.PATIENT": ([("PAT_NR", i), ("NACHNAME", v_), ("VORNAME", v_), ("GEB_DAT", v_),
                         ("GESCHL", v_), ("PLZ", v_), ("KASSE_ART", v_), ("ANGELEGT_AM", ts),
                         ("LOESCH_KZ", v_), ("HAUSARZT", v_)], patients),
        "kis.BESUCH": ([("BES_NR", i), ("PAT_NR", i), ("STANDORT", v_), ("BEH_NR", i),
                        ("TERMIN_AM", ts), ("GEBUCHT_AM", ts), ("BEGINN", ts), ("ENDE", ts),
                        ("STATUS", v_), ("ART", v_), ("TEST_KZ", b_)], visits),
        "kis.BEHANDLER": ([("BEH_NR", i), ("NAME", v_), ("FACHGEBIET", v_), ("STAMM_STANDORT", v_),
                           ("EINTRITT", d), ("AUSTRITT", d)], staff),
        "kis.STANDORT": ([("STANDORT", v_), ("BEZEICHNUNG", v_), ("ORT", v_), ("BUNDESLAND", v_)], SITES),
        "kis.LEISTUNG": ([("LST_NR", i), ("BES_NR", i), ("ZIFFER", v_), ("ANZAHL", i)], services),
        "kis.ZIFFERN": ([("ZIFFER", v_), ("KURZTEXT", v_), ("KAPITEL", v_), ("EINZELPREIS", v_)], CODES),
        "kis.PREIS_HIST": ([("ZIFFER", v_), ("PREIS", "decimal(10, 2)"), ("GUELTIG_AB", d),
                            ("GUELTIG_BIS", d)], prices),
        "abr.RECHNUNG": ([("RE_NR", v_), ("PAT_NR", i), ("BES_NR", i), ("RE_DATUM", d),
                          ("BETRAG_CT", i), ("BEZAHLT_CT", i), ("STATUS", v_), ("MAHNSTUFE", i),
                          ("ZAHLART", v_)], invoices),
        "lab.BEFUND": ([("LFD_NR", i), ("BEF_ID", v_), ("VERSION", i), ("BES_NR", i), ("PARAM", v_),
                        ("WERT", v_), ("EINHEIT", v_), ("GEMESSEN_AM", ts)], results),
        "kis.WARTELISTE": ([("WL_NR", i), ("PAT_NR", i), ("STANDORT", v_), ("SEIT", v_), ("BIS", v_),
                            ("PRIO", v_)], waiting),
    }  # fmt: skip
