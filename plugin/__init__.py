"""Everything that knows both sides: Elasticsearch and its documents, bundles and their detectors."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # the networks are small: a second thread costs more than it brings
