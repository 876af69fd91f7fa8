"""What Terraform knows of the programs is what they define."""

import json
import re

from infra.deployment import SCHEDULES
from infra.facts import COMMAND, FACTS_FILE, facts, text_of

MODULE = FACTS_FILE.parent


def test_the_file_is_what_the_programs_define() -> None:
    assert FACTS_FILE.read_text(encoding="utf-8") == text_of(facts()), f"render it anew: {COMMAND}"


def test_every_fact_is_an_output_and_every_output_a_fact() -> None:
    text = (MODULE / "outputs.tf").read_text(encoding="utf-8")
    assert set(re.findall(r'^output "(\w+)"', text, re.MULTILINE)) == set(json.loads(FACTS_FILE.read_bytes()))


def test_every_schedule_is_an_output() -> None:
    text = (MODULE / "outputs.tf").read_text(encoding="utf-8")
    listed = re.search(r"for name in (\[.*\]) : name => \{\n\s+expression", text)
    assert listed
    assert json.loads(listed[1]) == list(SCHEDULES)
