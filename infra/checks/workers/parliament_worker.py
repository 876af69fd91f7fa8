"""Lints IAM documents by parliament, in the environment of the tools: it has no import of ours.

Reads a JSON list of `{"is_identity": ..., "text": ...}` from stdin and writes a JSON list with, for each, a list of
`{"issue": ..., "detail": ...}`. parliament's rules of resources are those of identity policies, so of other documents
only what actions they name is judged.
"""

import json
import sys
from typing import Any

import parliament

# Lambda adds it to every call that a function's code makes, whatever the service; parliament knows it of none.
# Source: Lambda developer guide, "Using source function ARN to control function access behavior".
_KEY_OF_ANY_ACTION = "lambda:SourceFunctionArn"
_OF_ANY_DOCUMENT = {"UNKNOWN_ACTION", "UNKNOWN_PREFIX", "MALFORMED_JSON", "INVALID_SID", "DUPLICATE_SID"}


def findings_of(document: dict[str, Any]) -> list[dict[str, str]]:
    """Return what is wrong with a document."""
    policy = parliament.analyze_policy_string(document["text"], ignore_private_auditors=True)
    return [
        {"issue": finding.issue, "detail": f"{finding.title} {finding.detail}".strip()[:600]}
        for finding in policy.findings
        if (document["is_identity"] or finding.issue in _OF_ANY_DOCUMENT)
        and not (finding.issue == "UNKNOWN_CONDITION_FOR_ACTION" and _KEY_OF_ANY_ACTION in finding.detail)
    ]


if __name__ == "__main__":
    json.dump([findings_of(document) for document in json.load(sys.stdin)], sys.stdout)
