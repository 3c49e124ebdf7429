"""Raw tables of a SaaS company: camelCase as the application writes them, amounts in cents."""

from __future__ import annotations

import datetime as dt
import random

from bench.requests.company import Table

START, END = dt.datetime(2024, 1, 1), dt.datetime(2025, 12, 31, 23, 0)
PLANS = [
    ("FREE", "Free", 0, "monthly", "self-serve", True),
    ("START", "Starter", 2900, "monthly", "self-serve", True),
    ("TEAM", "Team", 9900, "monthly", "self-serve", True),
    ("BIZ", "Business", 29900, "monthly", "sales", True),
    ("ENT", "Enterprise", 99000, "monthly", "sales", False),
    ("LEGACY", "Legacy 2019", 4900, "monthly", "self-serve", False),
]
COUNTRIES = ["DE", "FR", "ES", "US", "GB", "NL"]
INDUSTRIES = ["retail", "software", "health", "logistics", None]
FEATURES = ["export", "api_call", "dashboard", "alert"]
REASONS = ["too expensive", "missing features", "switched", "closed business", None]


def _between(r: random.Random, start: dt.datetime, end: dt.datetime) -> dt.datetime:
    return start + dt.timedelta(seconds=r.randrange(max(int((end - start).total_seconds()), 1)))


def tables() -> dict[str, Table]:
    r = random.Random(17)
    accounts, users, subscriptions = [], [], []
    invoices, items, payments, usage, tickets = [], [], [], [], []
    for a in range(1, 151):
        created = START + dt.timedelta(hours=r.randrange(24 * 600))
        is_test = a % 37 == 0
        parent = r.randrange(1, a) if a > 20 and r.random() < 0.15 else None
        accounts.append(
            (a, f"Company {a}", r.choice(COUNTRIES), r.choice(INDUSTRIES), created, is_test,
             r.choice(["Ana", "Ben", "Chloe"]), parent)
        )  # fmt: skip
        members = []
        for _ in range(r.randrange(1, 7)):
            u = len(users) + 1
            joined = _between(r, created, END)
            seen = _between(r, joined, END) if r.random() < 0.85 else None
            users.append(
                (u, a, f"user{u}@company{a}.example", f"User {u}",
                 r.choice(["admin", "member", "member", "viewer"]), joined, seen, r.random() < 0.8)
            )  # fmt: skip
            members.append((u, joined))
        start = created
        for n in range(r.choice([1, 1, 1, 2, 3])):
            plan = r.choices(PLANS, [1, 5, 5, 3, 1, 1])[0]
            s = len(subscriptions) + 1
            trial = start + dt.timedelta(days=14) if n == 0 and r.random() < 0.7 else None
            length = dt.timedelta(days=r.randrange(20, 500))
            canceled = start + length if start + length < END and r.random() < 0.6 else None
            status = "canceled" if canceled else r.choice(["active"] * 8 + ["past_due"])
            if trial and trial > END:
                status = "trialing"
            reason = r.choice(REASONS) if canceled else None
            seats = r.choice([1, 3, 5, 10, 25])
            subscriptions.append(
                (s, a, plan[0], status, start, trial, canceled, reason, seats)
            )  # fmt: skip
            day = (trial or start) + dt.timedelta(days=1)
            while not is_test and plan[2] and day < (canceled or END):
                i = len(invoices) + 1
                parts = [("subscription", seats, plan[2])]
                if r.random() < 0.3:
                    parts.append(("usage", r.randrange(1, 900), r.randrange(100, 9000)))
                if r.random() < 0.15:
                    parts.append(("addon", 1, 1900))
                for kind, quantity, cents in parts:
                    items.append((len(items) + 1, i, kind, quantity, cents))
                net = sum(p[2] for p in parts)
                discount = net // 10 if r.random() < 0.12 else 0
                tax = (net - discount) * 19 // 100
                state = r.choices(["paid", "open", "void", "uncollectible"], [88, 5, 4, 3])[0]
                paid = day + dt.timedelta(days=r.randrange(0, 40)) if state == "paid" else None
                total = net - discount + tax
                invoices.append(
                    (i, a, s, day.date(), day.date() + dt.timedelta(days=14), paid, state, total, tax,
                     discount, "EUR", "WELCOME10" if discount else None)
                )  # fmt: skip
                if paid:
                    method = r.choice(["card", "card", "sepa", "paypal"])
                    payments.append((len(payments) + 1, i, total, method, paid, False))
                    if r.random() < 0.05:
                        back = paid + dt.timedelta(days=r.randrange(1, 20))
                        part = total // r.choice([1, 2])
                        payments.append((len(payments) + 1, i, part, method, back, True))
                day += dt.timedelta(days=30)
            if not canceled:
                break
            start = canceled + dt.timedelta(days=r.randrange(1, 30))
            if start >= END:
                break
        for u, joined in members:
            for _ in range(r.randrange(2, 14)):
                at = _between(r, joined, END)
                usage.append((len(usage) + 1, a, u, r.choice(FEATURES), r.randrange(1, 50), at))
        for _ in range(r.randrange(0, 5)):
            opened = _between(r, created, END)
            is_closed = r.random() < 0.9
            closed = opened + dt.timedelta(hours=r.randrange(1, 200)) if is_closed else None
            score = r.choice(["", "1", "3", "4", "5"]) if closed else ""
            tickets.append(
                (f"T-{len(tickets) + 1:04}", a, r.choice(["Low", "HIGH", "low", "Normal", "high "]),
                 opened.isoformat(sep=" "), closed.isoformat(sep=" ") if closed else "", score)
            )  # fmt: skip
    i, t, v, d, b, ts = "integer", "varchar", "varchar", "date", "boolean", "timestamp"
    return {
        "app.accounts": ([("accountId", i), ("companyName", v), ("countryCode", v), ("industry", v),
                          ("createdAt", ts), ("isTest", b), ("accountManager", v),
                          ("parentAccountId", i)], accounts),
        "app.users": ([("userId", i), ("accountId", i), ("email", v), ("fullName", v), ("role", v),
                       ("createdAt", ts), ("lastSeenAt", ts), ("isActive", b)], users),
        "app.plans": ([("planCode", v), ("planName", v), ("priceCents", i), ("billingPeriod", v),
                       ("channel", v), ("isPublic", b)], PLANS),
        "app.subscriptions": ([("subscriptionId", i), ("accountId", i), ("planCode", v),
                               ("status", v), ("startedAt", ts), ("trialEndsAt", ts),
                               ("canceledAt", ts), ("cancelReason", v), ("seats", i)],
                              subscriptions),
        "app.invoices": ([("invoiceId", i), ("accountId", i), ("subscriptionId", i),
                          ("invoiceDate", d), ("dueDate", d), ("paidAt", ts), ("status", v),
                          ("totalCents", i), ("taxCents", i), ("discountCents", i),
                          ("currency", v), ("couponCode", v)], invoices),
        "app.invoice_items": ([("itemId", i), ("invoiceId", i), ("kind", v), ("quantity", i),
                               ("amountCents", i)], items),
        "app.payments": ([("paymentId", i), ("invoiceId", i), ("amountCents", i), ("method", v),
                          ("paidAt", ts), ("isRefund", b)], payments),
        "app.usage_events": ([("eventId", i), ("accountId", i), ("userId", i), ("feature", v),
                              ("units", i), ("occurredAt", ts)], usage),
        "helpdesk.tickets": ([("ticketNo", v), ("accountId", i), ("prio", v), ("openedAt", t),
                              ("closedAt", t), ("csat", v)], tickets),
    }  # fmt: skip
