"""Whether the IAM documents that the tests make say no more than they may, and name what there is."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from infra.checks import policies
from infra.checks.folders import Folder, has_documents
from infra.checks.outcomes import Check, Outcome
from infra.checks.policies import Document, Finding, Kind
from infra.checks.running import run_tool
from infra.checks.tools import Tools

_WORKER = Path(__file__).with_name("workers") / "parliament_worker.py"
_NOT_MADE = "no run of the tests applies, so that no policy is looked at: add one with `command = apply`"

_Findings = Mapping[tuple[bool, str], Sequence[Finding]]


def check_documents(documents: Mapping[Folder, Sequence[Document]], tools: Tools) -> Iterator[Check]:
    """Judge the documents of each folder; one that renders documents and made none has failed.

    Args:
        documents: of the folders whose tests were run.
        tools: where the linter comes from; it is there, for the tests were run by the same environment.
    """
    began = time.monotonic()
    texts = list(dict.fromkeys(_key(each) for made in documents.values() for each in made))
    findings: _Findings = {}
    if texts:
        given = json.dumps([{"is_identity": is_identity, "text": text} for is_identity, text in texts])
        ran = run_tool([tools.python("terraform"), "-W", "ignore", _WORKER], given=given)
        if ran.returncode != 0:
            yield from (Check(folder.name, "iam", Outcome.FAILED, text=ran.stderr.strip()) for folder in documents)
            return
        told = [[Finding(**each) for each in found] for found in json.loads(ran.stdout)]
        findings = dict(zip(texts, told, strict=True))
    share_s = (time.monotonic() - began) / max(1, len(documents))
    for folder, made in documents.items():
        if made:
            yield _judged(folder, made, findings, share_s)
        elif has_documents(folder):
            yield Check(folder.name, "iam", Outcome.FAILED, text=_NOT_MADE)


def _key(document: Document) -> tuple[bool, str]:
    return document.kind in (Kind.IDENTITY, Kind.BOUNDARY), document.text


def _judged(folder: Folder, documents: Sequence[Document], findings: _Findings, seconds: float) -> Check:
    faults = [fault for document in documents for fault in policies.faults_of(document)]
    for document in documents:
        found = [each for each in findings[_key(document)] if each.is_fault_of(document.kind)]
        faults += [f"{document.address}: {each.issue}: {each.detail}" for each in found]
    if faults:
        return Check(folder.name, "iam", Outcome.FAILED, seconds, "\n".join(dict.fromkeys(faults)))
    return Check(folder.name, "iam", Outcome.PASSED, seconds, f"{len(documents)} documents")
