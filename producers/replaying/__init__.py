"""Recorded traffic back to lines: sources, mappings to events, and what changes times and ids on the way."""
