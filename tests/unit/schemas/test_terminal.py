import pytest

from schemas.terminal import printable


@pytest.mark.parametrize(
    ("text", "shown"), [("plain ü", "plain ü"), ("a\nb\x1b", r"a\nb\x1b"), ("\u202e", r"\u202e"), ("", "")]
)
def test_only_printable_text_reaches_a_terminal(text: str, shown: str) -> None:
    assert printable(text) == shown
