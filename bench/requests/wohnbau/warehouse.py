"""Raw tables of a German property manager, named in German.

`hv` is the management software (amounts in cents, floor areas as text), `bank` the statements as
the bank delivers them (amounts as German text, ways of payment in any case, payments that nobody
could assign to a lease), `tech` the repairs and a spreadsheet of craftsmen with lines twice.
"""

from __future__ import annotations

import datetime as dt
import random

from bench.requests.company import Table

START, END = dt.date(2024, 1, 1), dt.date(2026, 5, 31)
ORTE = ["Lindenau", "Lindenau", "Bergheim", "Grünstadt"]
STRASSEN = [
    "Gartenweg 3", "Am Anger 11", "Bachgasse 7", "Rosenhof", "Lange Zeile 40", "Mühlweg 2",
    "Turmstraße 19", "Hafenkontor", "Ahornallee 5", "Kirchplatz 1", "Südring 88", "Alte Post",
    "Schulstraße 23", "Weststadthaus",
]  # fmt: skip
GEWERKE = ["SAN", "ELE", "HEI", "MAL", "DAC"]


def german(cents: int) -> str:
    return f"{cents / 100:,.2f}".replace(",", " ").replace(".", ",").replace(" ", ".")


def days(number: int) -> dt.timedelta:
    return dt.timedelta(days=number)


def tables() -> dict[str, Table]:
    r = random.Random(1912)
    objekte = [
        (f"H{n:02}", strasse, r.choice(ORTE), str(r.randrange(1890, 2016)),
         r.choice(["Kern", "Yilmaz", "Brandl", None]))
        for n, strasse in enumerate(STRASSEN, 1)
    ]  # fmt: skip
    einheiten = []
    for objekt in objekte:
        for n in range(r.randrange(5, 13)):
            typ = r.choices(["W", "G", "S"], [75, 10, 15])[0]
            qm = {"W": r.randrange(280, 1250), "G": r.randrange(400, 3000), "S": 125}[typ] * 10
            einheiten.append(
                (1001 + len(einheiten), objekt[0], "UG" if typ == "S" else ["EG", "1. OG", "2. OG", "DG"][n % 4],
                 typ, german(qm), max(1, qm // 2500) if typ == "W" else None)
            )  # fmt: skip
    mieter, vertraege = [], []

    def neuer_mieter(vor: dt.date) -> int:
        geboren = dt.date(1945, 1, 1) + days(r.randrange(21000)) if r.random() < 0.8 else None
        mieter.append(
            (len(mieter) + 1, f"Mieter {len(mieter) + 1:03}", r.choice([*ORTE, "Außerhalb", None]),
             geboren, r.choice(["J", "N", "N", None]), vor - days(r.randrange(0, 130)))
        )  # fmt: skip
        return len(mieter)

    for einheit in einheiten:
        beginn = dt.date(r.randrange(2018, 2025), r.randrange(1, 13), 1)
        while beginn <= END + days(60):
            wer = (
                r.randrange(1, len(mieter) + 1)
                if mieter and r.random() < 0.15
                else neuer_mieter(beginn)
            )
            ende: dt.date | None = beginn + days(r.randrange(200, 1700))
            if r.random() < 0.25 or (ende and ende > END + days(150)):
                ende = None
            status = "aktiv" if ende is None else "gekuendigt" if ende > END else "beendet"
            qm = float(einheit[4].replace(".", "").replace(",", "."))
            kalt = (
                int(qm * r.randrange(700, 1500)) if einheit[3] != "S" else r.randrange(35, 80) * 100
            )
            kaution = None if r.random() < 0.2 else kalt * 3
            if r.random() < 0.07:
                vertraege.append((f"V{5000 + len(vertraege)}", wer, einheit[0], beginn, None, kalt,
                                  int(qm * 250), None, "storniert"))  # fmt: skip
            vertraege.append((f"V{5000 + len(vertraege)}", wer, einheit[0], beginn, ende, kalt,
                              int(qm * 250), kaution, status))  # fmt: skip
            if ende is None or r.random() < 0.1:
                break
            beginn = ende + days(r.randrange(1, 120))
    for _ in range(14):
        neuer_mieter(START + days(r.randrange(800)))
    soll, zahlungen = [], []

    def belaste(vertrag: tuple, tag: dt.date, art: str, cents: int) -> None:
        storno = "J" if r.random() < 0.05 else r.choice(["N", "N", None])
        soll.append(
            (len(soll) + 1, vertrag[0], tag, tag - days(r.randrange(3, 45)), art, cents, storno)
        )
        gebucht = tag + days(r.randrange(-2, 26))
        if storno == "J" or r.random() < 0.09 or gebucht > END:
            return
        weg = r.choice(["LAST", "Last", "LAST", "UEBW", "uebw", "BAR"])
        zurueck = r.choice(["J"] + ["N"] * 7) if weg.lower() == "last" else "N"
        zahlungen.append(
            (len(zahlungen) + 1, None if r.random() < 0.04 else vertrag[0], gebucht,
             gebucht + days(r.randrange(0, 4)), german(cents), weg, zurueck)
        )  # fmt: skip

    for vertrag in vertraege:
        if vertrag[8] == "storniert":
            continue
        for n in range(29):
            tag = dt.date(2024 + n // 12, n % 12 + 1, 3)
            if vertrag[3] <= tag <= (vertrag[4] or END):
                belaste(vertrag, tag, "MIETE", vertrag[5])
                if tag.month == 5 and r.random() < 0.8:
                    belaste(vertrag, tag + days(12), "NK", r.randrange(20, 400) * 100 + 50)
                if r.random() < 0.02:
                    belaste(vertrag, tag + days(9), "SONST", r.randrange(10, 90) * 100)
    firmen = []
    for n in range(1, 111):
        row = [
            n,
            f"Firma {n:03}",
            r.choice(ORTE),
            r.choice(GEWERKE),
            START + days(r.randrange(300)),
        ]
        firmen.append(tuple(row))
        if r.random() < 0.15:
            firmen.append((*row[:2], "Weiler", row[3], row[4] + days(r.randrange(10, 400))))
    auftraege = []
    for n in range(1, 901):
        einheit = r.choice(einheiten)
        when = dt.datetime(2024, 1, 2, 8) + dt.timedelta(minutes=r.randrange(880 * 1440 - 8640))
        status = r.choices(["ERLEDIGT", "OFFEN", "STORNO"], [80, 12, 8])[0]
        fertig = when + dt.timedelta(minutes=r.randrange(60, 32 * 1440))
        if fertig.date() > END and status == "ERLEDIGT":
            status = "OFFEN"
        done = status == "ERLEDIGT"
        auftraege.append(
            (n, None if r.random() < 0.2 else einheit[0], einheit[1], r.choice(GEWERKE), r.choice([1, 2, 2, 3]),
             when, fertig if done else None, status,
             r.randrange(4000, 190000) if done and r.random() < 0.93 else None,
             r.randrange(1, 111) if r.random() < 0.85 else None)
        )  # fmt: skip
    i, v, d, ts = "integer", "varchar", "date", "timestamp"
    return {
        "hv.objekt": ([("obj_nr", v), ("bez", v), ("ort", v), ("bj", v), ("verwalter", v)], objekte),
        "hv.einheit": ([("einh_nr", i), ("obj_nr", v), ("lage", v), ("typ_kz", v), ("wfl_qm", v),
                        ("zi", i)], einheiten),
        "hv.mieter": ([("mieter_nr", i), ("name", v), ("ort", v), ("geb_dat", d), ("mahnsp", v),
                       ("erf_dat", d)], mieter),
        "hv.vertrag": ([("vertr_nr", v), ("mieter_nr", i), ("einh_nr", i), ("beginn", d), ("ende", d),
                        ("kalt_ct", i), ("nk_ct", i), ("kaut_ct", i), ("stat", v)], vertraege),
        "hv.sollst": ([("soll_nr", i), ("vertr_nr", v), ("faellig", d), ("erstellt", d), ("art", v),
                       ("betrag_ct", i), ("storno", v)], soll),
        "bank.zahlung": ([("zahl_nr", i), ("vertr_nr", v), ("buch_dat", d), ("wert_dat", d),
                          ("betrag", v), ("weg", v), ("rl_kz", v)], zahlungen),
        "tech.auftrag": ([("auftr_nr", i), ("einh_nr", i), ("obj_nr", v), ("gewerk", v), ("prio", i),
                          ("gemeldet", ts), ("erledigt", ts), ("stat", v), ("kosten_ct", i),
                          ("firma_nr", i)], auftraege),
        "tech.firma": ([("firma_nr", i), ("firma", v), ("ort", v), ("gewerk", v), ("stand", d)], firmen),
    }  # fmt: skip
