"""Google Analytics: the frame in which its script runs on the guest's page, and the visitor's answer."""

from flask import Response, abort, make_response, render_template, request

from waitercaller.site import blueprint
from waitercaller.web import access, analytics
from waitercaller.web.security import guest_form


@blueprint.get("/t/")
@access.anyone
def frame() -> Response:
    """An empty page inside the guest's page, for Google's script: no code in its address, nothing to read."""
    if not analytics.measurement_id() or analytics.refused_by_browser() or analytics.answer() != "yes":
        abort(404)
    question = analytics.Question("yes", True, analytics.measurement_id())
    response = make_response(render_template("analytics_frame.html", analytics=question))
    response.headers["X-Frame-Options"] = "SAMEORIGIN"
    analytics.open_policy(response, analytics.FRAMED)
    return response


@blueprint.post("/consent")
@access.anyone
@guest_form
def consent() -> Response:
    """Accepting, refusing, and taking back; a cookie set here lasts where browsers cut short those set by scripts."""
    if not analytics.measurement_id():
        abort(404)
    chosen = request.form.get("answer")
    if chosen not in ("yes", "no"):
        abort(400)
    response = Response(status=204)
    response.set_cookie(
        analytics.cookie(),
        chosen,
        max_age=analytics.ANSWER_LASTS,
        secure=analytics.https(),
        httponly=True,
        samesite="Lax",
        path="/",
    )
    if chosen == "no":
        analytics.forget(response)
    return response
