"""The checks of one run: Terraform folder by folder and checkov beside it, then the IAM documents of all folders."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from infra.checks.checkov_checks import check_sources
from infra.checks.folders import Folder, with_modules
from infra.checks.outcomes import Check
from infra.checks.policies import Document
from infra.checks.policy_checks import check_documents
from infra.checks.terraform_checks import examiner
from infra.checks.tools import Tools

# Processes at a time.
_AT_ONCE = 2


def check_folders(
    root: Path, chosen: Sequence[Folder], tools: Tools, tell: Callable[[Check], None] = lambda check: None
) -> list[Check]:
    """Return every check of the folders.

    Args:
        root: the folder that has `modules` and `envs`.
        chosen: folders of it.
        tools: what they are checked by.
        tell: is given each check as soon as it is made.
    """
    checks: list[Check] = []

    def note(made: Iterable[Check]) -> None:
        for check in made:
            checks.append(check)
            tell(check)

    examine = examiner(root, chosen, tools)
    documents: dict[Folder, Sequence[Document]] = {}
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        sources = threads.submit(check_sources, root, chosen, tools)
        # What calls most modules takes longest.
        in_order = sorted(chosen, key=lambda folder: -len(with_modules(folder.path)))
        examined = {threads.submit(examine, folder): folder for folder in in_order}
        for future in as_completed(examined):
            result = future.result()
            note(result.checks)
            if result.documents is not None:
                documents[examined[future]] = result.documents
        note(sources.result())
    note(check_documents(documents, tools))
    return checks
