"""Every way in which the manifests can be put together."""

from pathlib import Path

import pytest

from tests.deploy.objects import LEVELS, WITH_EVERYTHING, WITHOUT_VOLUMES, Json, objects


@pytest.fixture(scope="session", params=[*LEVELS, "benchmarks", WITH_EVERYTHING, WITHOUT_VOLUMES])
def deployed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Json, ...]:
    return objects(request.param, _directory(tmp_path_factory))


@pytest.fixture(scope="session", params=LEVELS)
def level(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def everything(tmp_path_factory: pytest.TempPathFactory) -> tuple[Json, ...]:
    return objects(WITH_EVERYTHING, _directory(tmp_path_factory))


@pytest.fixture(scope="session")
def without_volumes(tmp_path_factory: pytest.TempPathFactory) -> tuple[Json, ...]:
    return objects(WITHOUT_VOLUMES, _directory(tmp_path_factory))


def _directory(factory: pytest.TempPathFactory) -> Path:
    """The same one for all, so that each way is put together once."""
    directory = factory.getbasetemp() / "overlays"
    directory.mkdir(exist_ok=True)
    return directory
