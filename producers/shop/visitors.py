"""How much happens in the shop, and from when to when."""

from __future__ import annotations

from dataclasses import dataclass

from schemas.errors import ConfigError

# A browser's clock tells whole milliseconds, and so do the events.
MILLISECOND_US = 1000


@dataclass(frozen=True, slots=True)
class Visitors:
    """So many events by so many users in a span that ends just before `end_us`.

    Attributes:
        users: people the shop has; crawlers come on top of them.
        crawlers: the share of visits that machines make.
        is_even: as many come by night as by day.
    """

    events: int
    users: int
    end_us: int
    span_us: int
    crawlers: float = 0.005
    is_even: bool = False

    def __post_init__(self) -> None:
        faults = [
            f"{name} is {value}, it must be at least {least}"
            for name, value, least in (
                ("events", self.events, 0),
                ("users", self.users, 1),
                ("span_us", self.span_us, MILLISECOND_US),
            )
            if value < least
        ]
        if not 0 <= self.crawlers <= 1:
            faults.append(f"crawlers is {self.crawlers}, a share lies between 0 and 1")
        if faults:
            raise ConfigError(faults)

    @property
    def start_ms(self) -> int:
        """The first millisecond, since the epoch."""
        return (self.end_us - self.span_us) // MILLISECOND_US

    @property
    def end_ms(self) -> int:
        """The millisecond after the last."""
        return self.end_us // MILLISECOND_US
