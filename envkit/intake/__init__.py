"""Recorded facts, one file per format, turned into the same Snapshot that the probes write."""
