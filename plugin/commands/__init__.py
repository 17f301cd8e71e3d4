"""One use case per file, named as its command; each takes ports and settings and returns a value."""
