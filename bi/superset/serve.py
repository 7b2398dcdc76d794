"""Open Apache Superset on what is published: `make superset`.

Runs in an environment of its own (requirements.lock), with the standard library and Superset only.
The connection, datasets, charts and dashboards are the YAML files under `assets`; what was changed
in Superset under another name stays.
"""

import argparse
import logging
import os
import secrets
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
# What the connection's YAML says where the path of the published file goes.
PLACEHOLDER = "PUBLISHED"
CONNECTION = "productops"
USER = "admin"


def kept(path: Path) -> str:
    """Return the secret in a file that only its owner reads; made when it is asked for first."""
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(32))
    return path.read_text()


def assets(published: Path) -> dict[str, str]:
    """Return the YAML files by their relative path, with the connection to a published file."""
    found = {
        str(path.relative_to(HERE / "assets")): path.read_text()
        for path in sorted((HERE / "assets").rglob("*.yaml"))
    }
    connection = f"databases/{CONNECTION}.yaml"
    found[connection] = found[connection].replace(PLACEHOLDER, str(published))
    return found


def set_up(published: Path, password: str) -> None:
    """Bring Superset's database up to date, and put the assets of this checkout into it."""
    from flask_migrate import upgrade
    from sqlalchemy.exc import NoSuchTableError
    from superset import appbuilder, security_manager
    from superset.commands.importers.v1.assets import ImportAssetsCommand
    from superset.connectors.sqla.models import SqlaTable
    from superset.extensions import db
    from superset.utils.core import override_user

    upgrade()
    appbuilder.add_permissions(update_perms=True)
    security_manager.sync_role_definitions()
    user = security_manager.find_user(USER) or security_manager.add_user(
        USER, "Product", "Ops", "admin@localhost", security_manager.find_role("Admin"), password
    )
    with override_user(user):
        ImportAssetsCommand(assets(published)).run()
        # Columns and their types are the file's own. Datasets of other connections are not ours.
        ours = db.session.query(SqlaTable).filter(SqlaTable.database.has(database_name=CONNECTION))
        for dataset in ours:
            try:
                dataset.fetch_metadata()
            except NoSuchTableError as error:
                print(f"{error} is not in this publication; the next night brings it")
        db.session.commit()


def main() -> int:
    parser = argparse.ArgumentParser(prog="serve.py", description="Open Superset.")
    parser.add_argument("--port", type=int, default=8088)
    parser.add_argument("--only-set-up", action="store_true", help="import the assets and end")
    given = parser.parse_args()
    data = Path(os.environ.get("PRODUCTOPS_DATA") or ROOT / "data").absolute()
    published = data / "serving" / "current" / "productops.duckdb"
    if not published.exists():
        print(f"Nothing is published at {published}; run `make run`, or a night", file=sys.stderr)
        return 2
    home = data / "superset"
    home.mkdir(parents=True, exist_ok=True)
    kept(home / "secret_key")
    password = kept(home / "password")
    os.environ |= {"SUPERSET_HOME": str(home), "SUPERSET_CONFIG_PATH": str(HERE / "config.py")}

    from superset.app import create_app

    # The first start would say 560 lines of its database's history, and each request one more.
    logging.disable(logging.INFO)
    print("Superset is being set up: a minute on the first start", flush=True)
    app = create_app()
    with app.app_context():
        set_up(published, password)
    print(f"Superset: http://localhost:{given.port}, user {USER}, password in {home / 'password'}")
    if not given.only_set_up:
        app.run(host="127.0.0.1", port=given.port, threaded=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
