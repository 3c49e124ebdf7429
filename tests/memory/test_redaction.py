"""What looks secret or personal is taken out; names of things stay."""

from __future__ import annotations

import pytest

from memory.redaction import redacted


@pytest.mark.parametrize(
    "secret",
    [
        "bob.miller@example.com", "password: hunter2hunter2", "PGPASSWORD=hunter2hunter2",
        "db_password=hunter2hunter2", "Passwort: hunter2hunter2", "pw: hunter2hunter2",
        "api key = k3yk3yk3y", "AccountKey=k3yk3yk3y", "Bearer abcdefghijkl", "ghp_0123456789abcdefgh",
        "hf_abcdefghijklmnop", "sk-abcdefghijklmnop", "AKIAIOSFODNN7EXAMPLE", "ya29.abcdefghijklmnop",
        "eyJhbGciOiJI.eyJzdWIiOiIx.abc", "https://user:pass@word@host/db", "+49 170 7736251",
        "the password is swordfish", "the token is a1b2c3d4", "sk-proj-abc_def_ghi1JKL",
        "DE89 3704 0044 0532 0130 00", "123-45-6789", "-----BEGIN RSA PRIVATE KEY-----\nMIIE",
    ],
)  # fmt: skip
def test_secrets_and_personal_data_are_taken_out(secret: str) -> None:
    found = redacted(f"before {secret} after")
    assert found.startswith("before ") and secret not in found
    assert "[" in found


@pytest.mark.parametrize(
    "text",
    [
        "fct_monthly_recurring_revenue: sum of stg_shop__invoices.amount since 2024-01-01",
        "Primary key of the order; one row per customer and day.",
        "Share of subscribers who cancel, 12.5 % in May 2026.",
        "jira:DATA-141, https://github.com/company/analytics/pull/12",
        "sk_customer_region_id, pk_subscription_month, secret_rotation_interval, npm_package_downloads",
        "The access token is hashed before it is kept.",
    ],
)
def test_names_dates_and_addresses_of_pull_requests_stay(text: str) -> None:
    assert redacted(text) == text
