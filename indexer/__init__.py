"""The mirror of the chain in SQL: reads events, decodes them, projects rows, undoes reorgs."""
