"""Records the README's terminal picture from a real run of the demo: make demo, then run this."""

from __future__ import annotations

import io
import os
from pathlib import Path

from rich.console import Console
from rich.markdown import Markdown
from rich.panel import Panel

from crew.artifacts import Delivered
from crew.assemble import open_workplace
from crew.settings import load_settings
from crew.terminal import Progress
from triggers.ticket_file import read_ticket_file

ROOT = Path(__file__).parents[2]
DEMO = ROOT / ".firstmile" / "demo"
TICKET = "examples/tickets/jira_weekly_churn.json"


def main() -> None:
    os.chdir(ROOT)
    os.environ["SHOP_WAREHOUSE"] = str(DEMO / "shop.duckdb")
    console = Console(
        record=True, width=112, file=io.StringIO(), color_system="truecolor", highlight=False
    )
    console.print(f"[bold]$[/] firstmile replay {TICKET}")
    progress = Progress(console=console)
    settings = load_settings(project=str(DEMO / "shop.git"), state=DEMO / "picture")
    with open_workplace(settings) as place:
        progress.opened(place.checkout, place.project)
        outcome, result = place.work(read_ticket_file(str(ROOT / TICKET), io.BytesIO()), progress)
    assert isinstance(outcome, Delivered) and outcome.pull_request, result["reason"]
    text = outcome.text
    understood = text[text.index("## What was understood") : text.index("## Lineage")]
    start = (
        text.index("### Reconciliation")
        if "### Reconciliation" in text
        else text.index("## Evidence")
    )
    card = text[start : text.index("### Row ledger")]
    console.print(
        Panel(Markdown(understood + card), title=outcome.change_set.title, border_style="green")
    )
    console.print(f"[bold green]Opened:[/] {result['branch']}, commit {result['commit'][:10]}")
    console.save_svg(str(Path(__file__).parent / "replay.svg"), title="firstmile")


if __name__ == "__main__":
    main()
