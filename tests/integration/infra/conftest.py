"""A deployment as Terraform renders it, with no account."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from infra.checks.tools import Tools, UnavailableError, cache_folder
from tests.deployments import Deployment, applied


@pytest.fixture(scope="session")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """What the modules make; skipped where Terraform, or a provider that calls nobody, cannot be had."""
    folder = Path(__file__).parent / "deployment"
    try:
        return applied(folder, Tools(cache_folder(os.environ)), tmp_path_factory.mktemp("deployment"))
    except UnavailableError as error:
        pytest.skip(f"cannot be had here: {error}")
