"""Checks of the Terraform with no account: what Terraform itself, checkov and an IAM linter say of each folder.

Nothing of AWS is ever called, and no credentials are handed on. The tools are pinned by hash and have environments of
their own below the user's cache folder: they would not fit into the project's.
"""
