"""The door to Elasticsearch: the only place that imports its client."""
