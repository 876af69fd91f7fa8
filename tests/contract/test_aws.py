"""docs/aws.md shows what the Terraform makes."""

import re

import pytest

from infra.aws_architecture import ARROWS, NODES, Arrow, mermaid
from infra.aws_document import DOCUMENT, blocks_of, resources_of, roles, wiring, with_parts


def test_the_page_is_what_the_modules_say() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert with_parts(text) == text, "render it anew: python -m infra.aws_document"


def test_a_page_without_a_place_for_the_parts_is_refused() -> None:
    with pytest.raises(ValueError, match="no place for the picture"):
        with_parts("# On AWS\n")


@pytest.mark.parametrize("name", [name for name, node in NODES.items() if node.module])
def test_a_node_is_a_resource_of_its_module(name: str) -> None:
    assert NODES[name].resource in resources_of(NODES[name].module)


def test_every_module_of_the_pipeline_is_in_the_picture() -> None:
    # What the programs define makes nothing.
    assert {node.module for node in NODES.values() if node.module} == set(wiring()) - {"facts"}


@pytest.mark.parametrize("arrow", ARROWS, ids=lambda arrow: f"{arrow.source}-{arrow.target}")
def test_an_arrow_has_two_ends_and_goes_along_a_reference(arrow: Arrow) -> None:
    one, other = NODES[arrow.source].module, NODES[arrow.target].module
    if one and other and one != other:
        given = wiring()
        assert other in given[one] or one in given[other], f"{one} and {other} give each other nothing"


def test_every_node_that_is_no_ground_has_an_arrow() -> None:
    reached = {name for arrow in ARROWS for name in (arrow.source, arrow.target)}
    assert {name for name in NODES if name not in reached} == {"network", "keys", "roles"}


def test_the_picture_is_the_same_each_time_and_names_each_node_once() -> None:
    assert mermaid() == mermaid()
    for name in NODES:
        assert len(re.findall(rf"^ +{name}(?=[\[(])", mermaid(), re.MULTILINE)) == 1


def test_every_role_of_a_module_is_on_the_page() -> None:
    made = {module: sum(label.startswith("aws_iam_role.") for label in resources_of(module)) for module in wiring()}
    shown = [role.module for role in roles()]
    # Roles of people are in a table of the module's own.
    assert {module: shown.count(module) for module in made} == made | {"access": 0}
    assert all(role.taken_by and role.may for role in roles())
    assert len({role.name for role in roles()}) == len(roles())


def test_the_module_of_people_has_the_roles_that_the_page_names() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    [made] = [block.body for block in blocks_of("access") if block.kind == "locals" and "roles = {" in block.body]
    body = made.partition("roles = {")[2].partition("}")[0]
    for role in re.findall(r"^    (\w+)\s+= ", body, re.MULTILINE):
        assert f"`-{role}`" in text
