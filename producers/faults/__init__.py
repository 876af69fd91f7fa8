"""Faults on purpose: which events get them, what is then sent, and the answer key that says what must come out."""
