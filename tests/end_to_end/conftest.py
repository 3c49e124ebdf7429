"""The example, ready to be worked: its warehouse, its repository, an open workplace."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from crew.assemble import Workplace, open_workplace
from crew.settings import load_settings

ROOT = Path(__file__).parents[2]
TICKETS = ROOT / "examples" / "tickets"


@dataclass(frozen=True)
class Shop:
    """Folder of the demo: `shop.duckdb`, `facts.duckdb` (the truth), `shop.git`."""

    folder: Path

    @property
    def warehouse(self) -> Path:
        return self.folder / "shop.duckdb"

    @property
    def truth(self) -> Path:
        return self.folder / "facts.duckdb"

    @property
    def repository(self) -> Path:
        return self.folder / "shop.git"


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A demo of this process's own, copied from one that all processes make once."""
    base = tmp_path_factory.getbasetemp()
    made = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "demo"
    with open(f"{made}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            demo = str(ROOT / "examples" / "demo.py")
            subprocess.run([sys.executable, demo, f"{made}.new"], check=True)
            os.rename(f"{made}.new", made)
    return Shop(Path(shutil.copytree(made, base / "shop")))


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("state")


@pytest.fixture(scope="module")
def workplace(shop: Shop, state: Path) -> Iterator[Workplace]:
    os.environ["SHOP_WAREHOUSE"] = str(shop.warehouse)
    settings = load_settings(project=str(shop.repository), state=state)
    with open_workplace(settings) as place:
        yield place
