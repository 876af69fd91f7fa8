import io
import zipfile

from infra.artifacts.archive import zip_bytes


def test_a_zip_holds_what_was_given() -> None:
    files = {"main.py": b"print()\n" * 100, "lib/a.jar": b"PK" * 100, "dep/empty.py": b""}
    with zipfile.ZipFile(io.BytesIO(zip_bytes(files))) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == files


def test_the_order_in_which_files_are_given_does_not_show() -> None:
    assert zip_bytes({"a": b"1", "b": b"2"}) == zip_bytes({"b": b"2", "a": b"1"})


def test_everybody_may_read_the_files_and_none_has_a_time() -> None:
    with zipfile.ZipFile(io.BytesIO(zip_bytes({"a": b"1"}))) as archive:
        (entry,) = archive.infolist()
    assert entry.external_attr >> 16 == 0o644
    assert entry.date_time == (1980, 1, 1, 0, 0, 0)


def test_a_jar_is_stored_as_it_is() -> None:
    assert len(zip_bytes({"lib/a.jar": bytes(10_000)})) > 10_000
    assert len(zip_bytes({"a.py": bytes(10_000)})) < 1_000
