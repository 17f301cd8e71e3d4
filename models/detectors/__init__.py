"""The detectors: one file here is one detector is one name in the settings (see models.base.registry)."""
