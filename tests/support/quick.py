"""What makes many openings of an appliance quick without changing what they do."""

import functools
from collections.abc import Iterator

import pytest
from argon2 import PasswordHasher

from appliance.model.entity import load_model


@pytest.fixture(autouse=True, scope="session")
def quick() -> Iterator[None]:
    """Passwords are hashed for real but cheaply, and the model, which nothing changes, is read once."""
    with pytest.MonkeyPatch.context() as patch:
        cheap = functools.partial(PasswordHasher, time_cost=1, memory_cost=64, parallelism=1)
        patch.setattr("appliance.users.accounts.PasswordHasher", cheap)
        patch.setattr("appliance.app.load_model", functools.cache(load_model))
        yield
