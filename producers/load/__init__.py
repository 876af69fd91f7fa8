"""The load test: events put when a schedule says so, what became of them second by second, and a verdict.

Pure: `profiles`, `histogram`, `timeline`, `assessment`, `charts`, `page`. Shell: `load_worker`, `load_run`,
`onlookers`, `live_view`.
"""
