"""Reports how the indexer is doing: metrics, HTTP, status and verification."""
