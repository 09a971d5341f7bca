from tests.support.plant import Reader

__all__ = ["Reader"]
