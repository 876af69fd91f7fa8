"""The AWS services of the pipeline on one machine: an emulator process and a stand-in for Firehose.

May import `schemas` and nothing else of the project. Everything listens on 127.0.0.1 only and keeps its state in one
folder; what the emulator holds is volatile.
"""
