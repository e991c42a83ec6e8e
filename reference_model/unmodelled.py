"""What the reference machine does not model."""

__all__ = ["Unmodelled"]


class Unmodelled(Exception):  # noqa: N818 - an outcome of its own, not an error
    """An event or register value whose architectural effect is not modelled."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what
