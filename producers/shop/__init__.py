"""A simulated shop: who comes, when, what they look at and buy, and how their clients write it down.

Pure and deterministic: the same visitors and seed give the same events, into however many parts they are divided.
`visitors` says how much happens, `diurnal` when, `population` who comes, `pages` what there is to see, `funnel` what
follows on what; `visits` are people and `crawlers` machines, each of a cell of its own; `simulation` merges the cells.
`wire` is what clients of other versions write. It decides no faults and no pace.
"""
