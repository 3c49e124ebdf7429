"""Raw tables of an online shop: abbreviated names, re-delivered rows, soft deletes, mixed codes."""

from __future__ import annotations

import datetime as dt
import random

from bench.requests.company import Table

START, DAYS = dt.datetime(2025, 1, 1), 546
CATEGORIES = [
    (1, "Home", None), (2, "Garden", None), (3, "Fashion", None), (4, "Electronics", None),
    (10, "Kitchen", 1), (11, "Bath", 1), (12, "Bedding", 1), (20, "Tools", 2), (21, "Plants", 2),
    (30, "Shoes", 3), (31, "Shirts", 3), (32, "Bags", 3), (40, "Audio", 4), (41, "Phones", 4),
]  # fmt: skip
STORES = [
    (1, "Berlin Mitte", "Berlin", "EAST", dt.date(2015, 3, 1)),
    (2, "Leipzig", "Leipzig", "EAST", dt.date(2018, 5, 1)),
    (3, "Hamburg", "Hamburg", "NORTH", dt.date(2012, 9, 15)),
    (4, "Köln", "Köln", "WEST", dt.date(2019, 1, 10)),
    (5, "Essen", "Essen", "WEST", dt.date(2025, 4, 1)),
    (6, "München", "München", "SOUTH", dt.date(2010, 2, 1)),
]
VOUCHERS = [
    ("SPRING25", "PCT", 10, dt.date(2025, 3, 1), dt.date(2025, 5, 31)),
    ("WELCOME", "ABS", 5, dt.date(2025, 1, 1), None),
    ("SUMMER26", "PCT", 15, dt.date(2026, 6, 1), dt.date(2026, 8, 31)),
    ("VIP", "PCT", 20, dt.date(2025, 1, 1), None),
]
CITIES = ["Berlin", "Hamburg", "Köln", "München", "Leipzig", None]


def tables() -> dict[str, Table]:
    r = random.Random(23)
    products = []
    for p in range(1, 81):
        cost = round(r.uniform(2, 120), 2)
        listed = round(cost * r.uniform(1.2, 2.6), 2)
        products.append(
            (p, f"Article {p}", r.choice([c[0] for c in CATEGORIES if c[2]] + [None]),
             r.choice(["Nordlys", "Kiwa", "Basic", "Fjell"]), cost, listed,
             r.choice(["Y", "Y", "Y", "N"]))
        )  # fmt: skip
    customers = []
    for c in range(1, 361):
        registered = START + dt.timedelta(hours=r.randrange(24 * 500))
        row = (
            c, f"Customer {c}", f"c{c}@mail.example", r.choice(CITIES),
            dt.date(r.randrange(1950, 2006), r.randrange(1, 13), r.randrange(1, 28)),
            registered.date(), r.choice(["Y", "N", None]), "Y" if r.random() < 0.03 else None,
            r.choice(["GOLD", "SILVER", "BASIC"]), registered + dt.timedelta(days=1),
        )  # fmt: skip
        customers.append(row)
        if r.random() < 0.1:
            moved = r.choice(["Berlin", "Hamburg", "Essen"])
            customers.append((*row[:3], moved, *row[4:9], row[9] + dt.timedelta(days=30)))
    orders, lines, returns = [], [], []
    for o in range(1, 1601):
        at = START + dt.timedelta(minutes=r.randrange(DAYS * 1440))
        known = [c for c in customers if c[5] <= at.date()]
        customer = r.choice(known)[0] if known and r.random() < 0.95 else None
        channel = r.choice(["web", "web", "WEB", "app", "App", "store"])
        store = r.choice(STORES)[0] if channel == "store" else None
        voucher = r.choice(VOUCHERS)[0] if r.random() < 0.2 else None
        status = r.choices(["N", "P", "S", "C", "X"], [3, 4, 10, 75, 8])[0]
        total = 0.0
        for n in range(1, r.choice([1, 1, 2, 3]) + 1):
            product = r.choice(products)
            quantity, percent = r.choice([1, 1, 1, 2, 4]), r.choice([0, 0, 0, 10, 25])
            amount = round(quantity * product[5] * (100 - percent) / 100, 2)
            total += amount
            lines.append((o, n, product[0], quantity, product[5], percent, amount))
            if status == "C" and r.random() < 0.12:
                back = r.randrange(1, quantity + 1)
                returns.append(
                    (len(returns) + 1, o, n, (at + dt.timedelta(days=r.randrange(3, 30))).date(),
                     back, round(amount * back / quantity, 2),
                     r.choice(["SIZE", "size", "DEFECT", "OTHER", None]))
                )  # fmt: skip
        shipping = 0.0 if channel == "store" or total > 60 else 4.9
        gross = round(total + shipping, 2)
        loaded = at + dt.timedelta(hours=2)
        mixed = status if r.random() < 0.8 else status.lower()
        row = (o, customer, at, mixed, channel, store, voucher, gross, round(gross / 1.19, 2),
               shipping, "Y" if r.random() < 0.015 else None, loaded)  # fmt: skip
        if r.random() < 0.08:  # delivered twice: the later row is the right one
            orders.append((*row[:3], "N", *row[4:]))
            row = (*row[:11], loaded + dt.timedelta(days=2))
        orders.append(row)
    stock = []
    for month in range(18):
        day = (START + dt.timedelta(days=31 * month)).date()
        for product in products[::2]:
            for store_row in STORES[:4]:
                count = r.randrange(0, 40)
                stock.append((product[0], store_row[0], day.strftime("%Y%m%d"), str(count)))
    i, v, d, ts, n = "integer", "varchar", "date", "timestamp", "decimal(12, 2)"
    return {
        "shopdb.orders": ([("ord_no", i), ("cust_no", i), ("ord_dt", ts), ("stat_cd", v),
                           ("chan", v), ("store_no", i), ("vou_cd", v), ("amt_gross", n),
                           ("amt_net", n), ("amt_ship", n), ("del_flg", v), ("_loaded_at", ts)],
                          orders),
        "shopdb.order_lines": ([("ord_no", i), ("line_no", i), ("prod_no", i), ("qty", i),
                                ("unit_prc", n), ("disc_pct", i), ("amt_line", n)], lines),
        "shopdb.returns": ([("ret_no", i), ("ord_no", i), ("line_no", i), ("ret_dt", d),
                            ("ret_qty", i), ("amt_refund", n), ("reason_cd", v)], returns),
        "shopdb.products": ([("prod_no", i), ("prod_nm", v), ("cat_no", i), ("brand", v),
                             ("cost_prc", n), ("list_prc", n), ("active_flg", v)], products),
        "shopdb.categories": ([("cat_no", i), ("cat_nm", v), ("parent_cat_no", i)], CATEGORIES),
        "shopdb.stores": ([("store_no", i), ("store_nm", v), ("city", v), ("region_cd", v),
                           ("opened_dt", d)], STORES),
        "shopdb.customers": ([("cust_no", i), ("cust_nm", v), ("email", v), ("city", v),
                              ("birth_dt", d), ("reg_dt", d), ("newsletter_flg", v),
                              ("del_flg", v), ("loyalty_tier", v), ("_loaded_at", ts)], customers),
        "shopdb.vouchers": ([("vou_cd", v), ("vou_typ", v), ("vou_val", i), ("valid_from", d),
                             ("valid_to", d)], VOUCHERS),
        "shopdb.stock_levels": ([("prod_no", i), ("store_no", i), ("snap_dt", v),
                                 ("qty_on_hand", v)], stock),
    }  # fmt: skip
