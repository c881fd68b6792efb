"""What MLflow's page of an experiment shows first: seeds grouped by data set and variant, headline metrics in front.

MLflow keeps such a view as a tag of the experiment, as its button "Share" makes one, and opens it where the page's
address names it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from phvae.analysis.presentation.metrics_shown import HEADLINES

__all__ = ["VIEW", "page_of", "shared_view"]

_KEY = "phvae"
VIEW = f"mlflow.sharedViewState.{_KEY}"


def page_of(experiment: str) -> str:
    """The address below a server's; without `workflowType` the page opens on the runs of language models."""
    return f"/#/experiments/{experiment}/runs?workflowType=machine_learning&viewStateShareKey={_KEY}"


def shared_view(metrics: Iterable[str]) -> str:
    """The view, as MLflow's page reads it; `metrics`: those that some run has, as `test/NAME`."""
    there = set(metrics)
    first = [f"metrics.`test/{name}`" for name in HEADLINES if f"test/{name}" in there]
    columns = [*first, "metrics.`usage/seconds_train`", "params.`seed`", "attributes.`Models`"]
    return json.dumps(
        {
            "searchFilter": "tags.`phvae.kind` = 'run'",
            "orderByKey": "attributes.start_time",
            "orderByAsc": True,
            "startTime": "ALL",
            "lifecycleFilter": "Active",
            "datasetsFilter": [],
            "modelVersionFilter": "All Runs",
            "selectedColumns": columns,
            "columnOrder": columns,
            "columnWidths": {},
            "runsExpanded": {},
            "runsPinned": [],
            "runsHidden": [],
            "runsVisibilityMap": {},
            "runsHiddenMode": "SHOW_ALL",
            "viewMaximized": False,
            "runListHidden": False,
            "isAccordionReordered": False,
            "useGroupedValuesInCharts": True,
            "hideEmptyCharts": True,
            "groupBy": {
                "aggregateFunction": "average",
                "groupByKeys": [{"mode": "param", "groupByData": name} for name in ("variant", "dataset", "n_train")],
            },
            "groupsExpanded": {},
            "autoRefreshEnabled": False,
            "globalLineChartConfig": {"xAxisKey": "step", "lineSmoothness": 0, "selectedXAxisMetricKey": ""},
        }
    )
