from infra.checks.skips import faults_of

REASON = "#checkov:skip=CKV_AWS_144:what is raw can be had again from the producers"


def test_a_skip_with_a_reason_that_is_used_is_no_fault() -> None:
    assert faults_of("main.tf", f"resource {{\n  {REASON}\n}}", {"CKV_AWS_144"}) == []


def test_a_skip_of_a_graph_check_is_one_too() -> None:
    text = "# checkov:skip=CKV2_AWS_62: nobody is told of objects in this bucket"
    assert faults_of("main.tf", text, {"CKV2_AWS_62"}) == []


def test_a_skip_without_a_reason_is_told_with_its_line() -> None:
    text = "\n\n#checkov:skip=CKV_AWS_144:\n#checkov:skip=CKV_AWS_145:no\n"
    assert faults_of("main.tf", text, {"CKV_AWS_144", "CKV_AWS_145"}) == [
        "main.tf:3: not of the form `#checkov:skip=ID:reason`: #checkov:skip=CKV_AWS_144:",
        "main.tf:4: CKV_AWS_145 is passed over without a reason",
    ]


def test_a_skip_that_names_no_check_is_told() -> None:
    [fault] = faults_of("main.tf", "  // bridgecrew:skip=all of it, for it is well", set())
    assert fault.startswith("main.tf:1: not of the form")


def test_a_skip_of_what_finds_nothing_is_told() -> None:
    [fault] = faults_of("main.tf", REASON, {"CKV_AWS_26"})
    assert fault == "main.tf:1: CKV_AWS_144 is passed over where it finds nothing: take the comment out"
