"""Event ids to verdicts: windows, detectors, calibration. Numbers only: no log text, no index, no settings."""
