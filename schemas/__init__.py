"""The contracts: what producers, the alert job, the compaction and the local stack agree on.

Nothing here imports another package of the project, boto3 or pyflink.
"""
