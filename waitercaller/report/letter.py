"""The letter on Mondays: the week before in three sentences, to the owners who want it."""

from datetime import date, timedelta
from typing import Any

from flask_babel import gettext as _
from flask_babel import ngettext

from waitercaller.db import clock
from waitercaller.mail import outbox
from waitercaller.model import face, letters, restaurants, users
from waitercaller.model.languages import DEFAULT_LANGUAGE, STAFF_LANGUAGES
from waitercaller.model.restaurants import Restaurant
from waitercaller.model.rollups import store, times
from waitercaller.model.rollups.figures import Figures, total
from waitercaller.report import findings, summary, words
from waitercaller.report.summary import TimedCell
from waitercaller.web.routing import address_of

MOMENT = timedelta(milliseconds=1)


def enqueue_due() -> int:
    """Enqueue the letters that are due; returns their number. Idempotent per week and owner. Raises PyMongoError."""
    enqueued = 0
    for restaurant in letters.wanted_in():
        week = letters.due_week(restaurant, clock.now())
        members = letters.readers(restaurant) if week else []
        first = restaurant["languages"][0]
        for user_id, address in users.addresses([each["user_id"] for each in members if each["user_id"]]).items():
            outbox.enqueue(
                "monday_letter",
                address,
                language=first if first in STAFF_LANGUAGES else DEFAULT_LANGUAGE,
                occasion=f"letter:{restaurant['_id']}:{week}:{user_id}",
                restaurant_id=restaurant["_id"],
                user_id=user_id,
                week=str(week),
            )
            enqueued += 1
    return enqueued


@outbox.prepares("monday_letter")
def monday_letter(to: str, context: dict[str, Any]) -> outbox.Prepared | None:
    """The sentences about the week; nothing for somebody who does not want it any more."""
    restaurant = restaurants.get(context["restaurant_id"])
    if restaurant is None or context["user_id"] not in [each["user_id"] for each in letters.readers(restaurant)]:
        return None
    return outbox.Prepared(
        "monday_letter",
        {
            "restaurant_name": restaurant["name"],
            "sentences": sentences(restaurant, date.fromisoformat(context["week"])),
            "link": address_of("report.index", restaurant_id=restaurant["_id"], days=7),
        },
        face.of(restaurant),
    )


def sentences(restaurant: Restaurant, week: date) -> list[str]:
    """How many called, how long they waited, and what stood out, in the week that began on this Monday."""
    zone = restaurants.time_zone(restaurant)
    this = summary.period(7, times.beginning_of(week + 7 * times.DAY, zone) - MOMENT, zone)
    earlier = summary.before(this, zone)
    items, old = (_items(restaurant, period) for period in (this, earlier))
    now, before = (total(item.cell for item in each) for each in (items, old))
    if not now.calls:
        return [_("No guest called last week.")]
    called = ngettext(
        "Last week %(num)d call came, after %(before)d in the week before.",
        "Last week %(num)d calls came, after %(before)d in the week before.",
        now.calls,
        before=before.calls,
    )
    zones = words.zone_names(restaurant, items)
    stands_out = [*findings.about_windows(items, zones), *findings.about_change(now, before)]
    return [called, _answered(now), stands_out[0] if stands_out else _("Nothing stood out.")]


def _items(restaurant: Restaurant, period: summary.Period) -> list[TimedCell]:
    counts = store.of_period(restaurant["_id"], period.begin, period.end)
    return summary.timed_cells(counts, restaurants.time_zone(restaurant))


def _answered(now: Figures) -> str:
    median, most = now.wait(0.5), now.wait(0.9)
    if median is None:
        return str(_("None of them was answered."))
    waits = {"median": words.minutes_and_seconds(median), "most": words.minutes_and_seconds(most)}
    if not now.unanswered:
        return str(_("Half of the guests waited %(median)s, nine of ten %(most)s at most; all were answered.", **waits))
    return str(
        ngettext(
            "Half of the guests waited %(median)s, nine of ten %(most)s at most; %(num)d call was not answered.",
            "Half of the guests waited %(median)s, nine of ten %(most)s at most; %(num)d calls were not answered.",
            now.unanswered,
            **waits,
        )
    )
