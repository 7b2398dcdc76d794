"""Everything Dagster knows about this project, in the order data flows."""

import dagster as dg

from orchestration import dbt
from orchestration.assets.models import models
from orchestration.assets.published import publication
from orchestration.assets.raw import raw
from orchestration.gates import mart_gate, raw_gate
from orchestration.schedules import housekeeping, nightly, nightly_job, weekly

defs = dg.Definitions(
    assets=[raw, models, publication],
    asset_checks=[raw_gate(), mart_gate()],
    jobs=[nightly_job, housekeeping],
    schedules=[nightly, weekly],
    resources={"dbt": dbt.cli()},
    # DuckDB takes one writing process at a time, and a process a step costs 10 s of imports each.
    executor=dg.in_process_executor,
)
