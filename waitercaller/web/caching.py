"""Answers that browsers and proxies may keep, since their address changes with their content."""

from flask import Response

MAX_AGE_SECONDS = 365 * 24 * 3600


def for_a_year(response: Response) -> Response:
    """The response, to be kept for a year by whoever gets it."""
    response.cache_control.public = True
    response.cache_control.immutable = True
    response.cache_control.max_age = MAX_AGE_SECONDS
    return response
