"""Google Analytics: the iframe of its script in the guest's page, and the endpoint that stores consent."""

from flask import Response, abort, make_response, render_template, request

from waitercaller.site import blueprint
from waitercaller.web import access, analytics
from waitercaller.web.security import guest_form


@blueprint.get("/t/")
@access.anyone
def frame() -> Response:
    """An empty page, embedded in the guest's page, that runs Google's script; its URL has no table code."""
    if not analytics.measurement_id() or analytics.refused_by_browser() or analytics.consent() != "yes":
        abort(404)
    context = analytics.Analytics("yes", True, analytics.measurement_id())
    response = make_response(render_template("analytics_frame.html", analytics=context))
    response.headers["X-Frame-Options"] = "SAMEORIGIN"
    analytics.relax_policy(response, analytics.FRAME_SOURCES)
    return response


@blueprint.post("/consent")
@access.anyone
@guest_form
def consent() -> Response:
    """Store consent or its refusal, in a cookie set by the server: Safari limits cookies set by scripts to 7 days."""
    if not analytics.measurement_id():
        abort(404)
    chosen = request.form.get("answer")
    if chosen not in ("yes", "no"):
        abort(400)
    response = Response(status=204)
    response.set_cookie(
        analytics.cookie(),
        chosen,
        max_age=analytics.CONSENT_LIFETIME,
        secure=analytics.https(),
        httponly=True,
        samesite="Lax",
        path="/",
    )
    if chosen == "no":
        analytics.delete_cookies(response)
    return response
