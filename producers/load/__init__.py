"""The load test: events put when a schedule says so, what became of them second by second, and a verdict.

`profiles` says when each event is due. `load_worker` is one process, with `meter` for what it measures; `load_run`
starts them through `workers`, follows them by their `messages`, and looks at the alerts through `onlookers`. `timeline`
puts together what all tell, in `histogram`s; `assessment` makes the report of it, `page` and `charts` its HTML.
"""
