import pytest

from appliance.model.entity import Model, load_model


@pytest.fixture(scope="session")
def model() -> Model:
    return load_model()
