"""Trino as the stand-in for Athena: fetched when asked for, started beside the local stack, stopped with it.

Athena's SQL engine is Trino; this is the one that can be run on a machine. It reads the tables of the emulated Glue and
S3. What Athena adds to Trino's SQL is not understood here: that is `analytics.athena`.
"""
