"""From when on the next pass asks for changes, so that none is missed at the border."""


def watermark(*, started: int, finished: int, newest: int | None, overlap: int, clock_skew: int) -> int:
    """The moment from which the next pass asks, by the clock of the source. All values are milliseconds.

    A row that changed before this pass began was met by it; one that changes later gets a time of the source's
    clock, which may be behind ours. `newest`, the latest time of change the source ever gave, bounds how far: the
    source's clock showed at least that when the pass ended, and so at least that less the length of the pass when
    it began. Nobody's clock is believed to be behind by more than `clock_skew`. `overlap` is for changes that are
    committed later than they are stamped, and for sources that cut off seconds.
    """
    earliest = started - clock_skew
    if newest is None:
        return earliest - overlap
    return max(earliest, min(started, newest - (finished - started))) - overlap
