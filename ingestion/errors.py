"""What can go wrong while loading, said in one sentence each: the thing, its value, the remedy."""


class IngestionError(Exception):
    """A load that ended with nothing changed, for a reason a person can act on."""


class UnknownSourceError(IngestionError):
    """A source name that no vendor file defines."""


class SettingError(IngestionError):
    """A setting is missing or has the wrong type."""


class VendorError(IngestionError):
    """A vendor refused, failed or could not be reached."""


class ShapeError(IngestionError):
    """A vendor changed the type of a value, so that it no longer fits its raw table."""


class WarehouseError(IngestionError):
    """The warehouse file or the load state beside it cannot be used."""


def setting_name(source: str, field: str) -> str:
    """The environment variable that sets `field` of `source`."""
    return f"SOURCES__{source}__{field}".upper()
