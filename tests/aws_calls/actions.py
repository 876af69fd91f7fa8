"""Which IAM actions calls need: where it is not the one of the call's own name, and which calls stand in a source.

Source: the Service Authorization Reference, and for S3 the user guide's "Required permissions for Amazon S3 API
operations".
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from pathlib import Path

from botocore import xform_name

from infra.artifacts.closure import closure_of
from tests.aws_commands import service

_SERVICES = {"kinesis", "sns", "sqs", "s3", "dynamodb"}
# Calls that carry the permission of another.
_PERMISSION_OF = {
    ("s3", "AbortMultipartUpload"): "AbortMultipartUpload",
    ("s3", "CompleteMultipartUpload"): "PutObject",
    ("s3", "CreateMultipartUpload"): "PutObject",
    ("s3", "DeleteObjects"): "DeleteObject",
    ("s3", "HeadBucket"): "ListBucket",
    ("s3", "HeadObject"): "GetObject",
    ("s3", "ListObjects"): "ListBucket",
    ("s3", "ListObjectsV2"): "ListBucket",
    ("s3", "UploadPart"): "PutObject",
    ("sns", "PublishBatch"): "Publish",
    ("sqs", "ChangeMessageVisibilityBatch"): "ChangeMessageVisibility",
    ("sqs", "DeleteMessageBatch"): "DeleteMessage",
    ("sqs", "SendMessageBatch"): "SendMessage",
}


def action_of(service: str, operation: str) -> str:
    """Return the IAM action that a call needs, like `s3:PutObject`.

    Args:
        service: as boto3 names it.
        operation: as the API names it.
    """
    return f"{service}:{_PERMISSION_OF.get((service, operation), operation)}"


def actions_in_source(files: Iterable[Path], services: Iterable[str]) -> set[str]:
    """Return the actions for the calls of services whose names stand in source files."""
    names: set[str] = set()
    for path in files:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute):
                names.add(node.attr)
            elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "get_paginator":
                names.update(str(argument.value) for argument in node.args if isinstance(argument, ast.Constant))
    return {
        action_of(name, operation)
        for name in services
        for operation in service(name).operation_names
        if xform_name(operation) in names
    }


def actions_of_package(root: Path, entry: str) -> set[str]:
    """Return the actions for the calls that stand in what an entry point of `stream_jobs` reaches."""
    closure = closure_of(root, [Path(entry)], ["schemas", "stream_jobs"])
    return actions_in_source([root / path for path in closure.files], closure.texts & _SERVICES)
