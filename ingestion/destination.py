"""dlt's DuckDB destination: takes each file and each appended row once, and names its package."""

from collections.abc import Iterable

from dlt.common.destination.client import LoadJob, PreparedTableSchema
from dlt.common.storages.load_storage import ParsedLoadJobFileName
from dlt.destinations import duckdb
from dlt.destinations.impl.duckdb.duck import DuckDbClient, DuckDbCopyJob
from dlt.destinations.impl.duckdb.sql_client import DuckDbSqlClient

LOAD_ID = "_dlt_load_id"
LOADED_FILES = "_loaded_files"
# The hint of columns that tell appended rows apart.
APPEND_KEY = "x-append-key"


class OnceJob(DuckDbCopyJob):
    """Insert a file with the id of its load package, and note it in the same transaction.

    dlt moves a file's job to the completed ones after the insert was committed. A process that is
    killed in between finds the job waiting and would insert the same rows again.
    """

    def run(self) -> None:
        client = self._job_client.sql_client
        table = client.make_qualified_table_name(self.load_table_name)
        noted = client.make_qualified_table_name(LOADED_FILES)
        job = ParsedLoadJobFileName.parse(self._file_path)
        # The names are dlt's own: digits and dots, letters and digits.
        key = f"'{self._load_id}', '{self.load_table_name}', '{job.file_id}'"
        with client.begin_transaction():
            if client.execute_sql(
                f"select 1 from {noted} where (load_id, table_name, file_id) = ({key})"
            ):
                return
            client.execute_sql(f"insert into {noted} values ({key})")
            client.execute_sql(
                f"insert into {table} by name select *, '{self._load_id}' as {LOAD_ID}"
                f" from {self._rows(client, table)}"
            )

    def _rows(self, client: DuckDbSqlClient, table: str) -> str:
        """What is read from the file: all of it, unless the vendor sent rows twice."""
        file = f"read_parquet('{self._file_path}', union_by_name = true)"
        columns = self._load_table["columns"].items()
        append_key = ", ".join(f'"{name}"' for name, hints in columns if hints.get(APPEND_KEY))
        if not append_key:
            return file
        asked = client.execute_sql(
            f"select count(*) > count(distinct ({append_key})) from {file}"
            f" union all select count(*) > 0 from {table} semi join {file} using ({append_key})"
        )
        if not any(is_repeated for (is_repeated,) in asked or ()):
            return file
        return (
            f"(from {file} anti join {table} using ({append_key})"
            f" qualify row_number() over (partition by {append_key}) = 1)"
        )


class OnceClient(DuckDbClient):
    """Takes Parquet files by `OnceJob`, everything else as dlt does."""

    def initialize_storage(self, truncate_tables: Iterable[str] | None = None) -> None:
        truncate_tables = list(truncate_tables or ())
        super().initialize_storage(truncate_tables)
        noted = self.sql_client.make_qualified_table_name(LOADED_FILES)
        # Before any job, since two that create it at once are in each other's way.
        self.sql_client.execute_sql(
            f"create table if not exists {noted}"
            " (load_id varchar, table_name varchar, file_id varchar)"
        )
        emptied = ", ".join(f"'{name}'" for name in truncate_tables)
        if emptied:
            self.sql_client.execute_sql(f"delete from {noted} where table_name in ({emptied})")

    def create_load_job(
        self, table: PreparedTableSchema, file_path: str, load_id: str, restore: bool = False
    ) -> LoadJob:
        job = super().create_load_job(table, file_path, load_id, restore)
        name = table["name"] or ""
        is_data = type(job) is DuckDbCopyJob and not name.startswith("_dlt")
        return OnceJob(file_path) if is_data and file_path.endswith(".parquet") else job


class Warehouse(duckdb):
    """The destination of every pipeline."""

    @property
    def destination_type(self) -> str:
        # As the load state names it, so that dlt's own commands open what we wrote.
        return "dlt.destinations.duckdb"

    @property
    def client_class(self) -> type[DuckDbClient]:
        return OnceClient
