import io
import tarfile
import zipfile

from infra.artifacts.archive import tar_gz_bytes, zip_bytes


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


def test_a_jar_and_a_wheel_are_stored_as_they_are() -> None:
    assert len(zip_bytes({"lib/a.jar": bytes(10_000)})) > 10_000
    assert len(zip_bytes({"wheels/a.whl": bytes(10_000)})) > 10_000
    assert len(zip_bytes({"a.py": bytes(10_000)})) < 1_000


def test_a_tar_holds_what_was_given_and_neither_owner_nor_time() -> None:
    files = {"Dockerfile": b"FROM scratch\n", "a.whl": b"PK" * 100}
    data = tar_gz_bytes(files)
    assert data == tar_gz_bytes(dict(reversed(files.items())))
    # The time in the header of gzip.
    assert data[4:8] == bytes(4)
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        for entry in archive:
            content = archive.extractfile(entry)
            assert content is not None
            assert content.read() == files[entry.name]
            assert (entry.mtime, entry.uid, entry.uname, entry.mode) == (0, 0, "", 0o644)
        assert archive.getnames() == ["Dockerfile", "a.whl"]
