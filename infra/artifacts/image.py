"""What a builder of container images is sent for the compaction: recipe, requirements and wheel, as one archive."""

from __future__ import annotations

from pathlib import Path

from infra.artifacts.archive import tar_gz_bytes
from infra.artifacts.requirements import COMPACTION_REQUIREMENTS

IMAGE_CONTEXT = "clickstream-compaction-image.tar.gz"
_RECIPE = Path("infra/container/Dockerfile")


def image_context(root: Path, requirements: str, wheel: tuple[str, bytes]) -> dict[str, bytes]:
    """Return the files of the context, by path."""
    name, data = wheel
    return {
        _RECIPE.name: (root / _RECIPE).read_bytes(),
        COMPACTION_REQUIREMENTS: requirements.encode(),
        name: data,
    }


def image_archive(root: Path, requirements: str, wheel: tuple[str, bytes]) -> bytes:
    """Return the context as `docker build -` takes it."""
    return tar_gz_bytes(image_context(root, requirements, wheel))
