"""Everything that knows both sides: Elasticsearch and its documents, bundles and their detectors."""
