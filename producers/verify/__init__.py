"""The judge of a run: what its answer key asks for, and what lies in the deployment.

It shares contracts with the pipeline and none of its code, changes nothing, and reads the services alone.
"""
