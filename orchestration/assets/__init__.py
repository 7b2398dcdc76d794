"""The assets in the order data flows: raw tables, models, the publication."""
