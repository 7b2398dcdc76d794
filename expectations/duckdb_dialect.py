"""How Great Expectations reaches a DuckDB file: read-only, in UTC, beside what is published."""

from typing import Any

import duckdb_engine
from sqlalchemy.dialects import registry

DRIVER = "duckdb+productops"


class ReadOnlyDialect(duckdb_engine.Dialect):
    """DuckDB without transactions.

    SQLAlchemy rolls a pooled connection back before Great Expectations has fetched its rows,
    and in DuckDB a rollback discards the pending result: expectations then fail with "list
    index out of range". Nothing is ever written here, so there is nothing to roll back.
    """

    supports_statement_cache = False

    def connect(self, *args: Any, **kwargs: Any) -> Any:
        published = kwargs.pop("published", None)
        connection = super().connect(*args, **{**kwargs, "read_only": True})
        connection.execute("set TimeZone = 'UTC'")
        if published is not None:
            # The path may hold quotes; ATTACH takes no parameters.
            path = str(published).replace("'", "''")
            connection.execute(f"attach if not exists '{path}' as published (read_only)")
        return connection

    def do_begin(self, connection: Any) -> None:
        pass

    def do_commit(self, connection: Any) -> None:
        pass

    def do_rollback(self, connection: Any) -> None:
        pass


registry.register("duckdb.productops", __name__, ReadOnlyDialect.__name__)
