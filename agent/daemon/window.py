"""The time of day in which something may be begun. Pure."""

from datetime import UTC, datetime, time


def in_window(window: str | None, now: datetime) -> bool:
    """Tell whether `now` (aware) lies in the window, as `22:00-05:00` in UTC; None is any time.

    A window that ends before it begins goes over midnight.
    """
    if window is None:
        return True
    begin, end = (time.fromisoformat(each) for each in window.split("-"))
    at = now.astimezone(UTC).time()
    return begin <= at < end if begin <= end else at >= begin or at < end
