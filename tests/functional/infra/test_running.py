import json
import sys

import pytest

from infra.checks.running import run_tool

TOLD = "import json, os; print(json.dumps(dict(os.environ)))"


def test_a_tool_gets_no_credentials_and_no_terraform_settings_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "TF_VAR_name", "TF_CLI_ARGS", "BC_API_KEY", "PYTHONPATH"):
        monkeypatch.setenv(name, "of the user")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    given = json.loads(run_tool([sys.executable, "-c", TOLD], {"TF_DATA_DIR": "ours"}).stdout)
    assert "of the user" not in given.values()
    assert given["TF_DATA_DIR"] == "ours"
    assert given["HTTPS_PROXY"] == "http://proxy:3128"
