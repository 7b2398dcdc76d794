"""Cases with events in and numbers out, answered by the macros that the marts run.

`python -m tests.conformance PATH …` takes files and folders of JSON cases. `cases` puts them into
a scratch DuckDB, `questions` words each as calls of dbt macros, `answers` reads and compares.
"""
