"""Benchmarks that anyone can run: own input, a baseline beside ours, a table, and one line of JSON at the end."""
