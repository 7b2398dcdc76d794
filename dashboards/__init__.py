"""Pages for people: each chart is a query on the published file and a few lines beside it."""
