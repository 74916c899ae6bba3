"""The time zones that a restaurant can have."""

import zoneinfo

UNSET = "UTC"  # until the restaurant's own is known

REGIONS = ("Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific")
# Computed once: available_timezones() reads every file of the time zone database.
TIME_ZONES = sorted(zone for zone in zoneinfo.available_timezones() if zone.partition("/")[0] in REGIONS)


def known(name: str) -> str:
    """`name`, if it is one of TIME_ZONES, else UNSET: what a browser says of itself may be anything."""
    return name if name in TIME_ZONES else UNSET
