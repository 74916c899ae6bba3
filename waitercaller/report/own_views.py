"""One's own figures, for oneself alone: nobody reads another's, and there is no ranking."""

from bson import ObjectId
from flask import render_template

from waitercaller.model.rollups import own
from waitercaller.model.rollups.figures import total
from waitercaller.report import blueprint, periods, summary
from waitercaller.web import access


@blueprint.get("/my-calls")
@access.least("waiter", devices=True)
def show_own(restaurant_id: ObjectId) -> str:
    """What the member did with the calls of a period, beside the figures of all."""
    period, member = periods.current(), access.required_member()
    return render_template(
        "report/own.html",
        period=period,
        periods=summary.PERIODS,
        own=own.of_member(restaurant_id, member["id"], period.begin, period.end),
        everybody=total(item.cell for item in periods.timed_cells(period)),
    )
