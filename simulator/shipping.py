"""What engineering shipped, as a company folder tells it: releases, deploys, pulls and issues."""

import pyarrow as pa

from simulator.tables import TIME, Shape

TEXT = pa.string()

RELEASES = Shape(
    "business/releases",
    {"release": TEXT, "kind": TEXT, "released_at": TIME, "deleted_at": TIME},
    ("release", "released_at"),
)
DEPLOYS = Shape(
    "business/deploys",
    {"deploy_id": TEXT, "deployed_at": TIME, "deleted_at": TIME},
    ("deploy_id", "deployed_at"),
)
PULLS = Shape(
    "business/pulls",
    {
        "pull_id": TEXT,
        "title": TEXT,
        "author": TEXT,
        "branch": TEXT,
        "labels": TEXT,
        # The issue of the tracker that it is about, and the deploy that carried it.
        "issue_id": TEXT,
        "deploy_id": TEXT,
        "created_at": TIME,
        "merged_at": TIME,
        "closed_at": TIME,
    },
    ("pull_id", "title", "created_at"),
)
CODE_ISSUES = Shape(
    "business/code_issues",
    {
        "code_issue_id": TEXT,
        "title": TEXT,
        "author": TEXT,
        "body": TEXT,
        "labels": TEXT,
        # The deploy that caused it, which its body then names.
        "deploy_id": TEXT,
        "created_at": TIME,
        "closed_at": TIME,
        "deleted_at": TIME,
    },
    ("code_issue_id", "title", "created_at"),
)
