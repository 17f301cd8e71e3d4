"""One outside library each; no vendor's exception leaves its door."""
