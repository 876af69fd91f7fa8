"""Where events come from: simulated visits and replayed recordings, put into the stream; and whether all came out.

`shop` simulates, `faults` goes wrong on purpose and writes the answer key, `replaying` and `recording` are for recorded
traffic, `load` tests how much the stream takes, `verify` judges. What is here puts lines into the stream, and a
`…_cli` is a command. Imports only `schemas`; what is pure is listed in the test of the imports.
"""
