"""Text to event ids: log lines, masks, templates and their matcher. Knows nothing of models or Elasticsearch."""
