"""Who is asking, and whether they may.

Every route declares who may use it with one of `anyone`, `person` and `least`; the application does not start when one
does not. One guard for all of them runs before the view: anonymous → the login page, not a member → 404 (whether the
restaurant exists is nobody else's business), too weak a role → 403.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

from flask import Flask, abort, current_app, flash, g, redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import LoginManager, current_user, login_user, logout_user

from waitercaller import restaurants, sessions
from waitercaller.db import Document, db
from waitercaller.restaurants import Member, Role

View = TypeVar("View", bound=Callable[..., Any])

RANKS: dict[Role, int] = {"waiter": 1, "manager": 2, "owner": 3}
STAFF_PREFIX = "/r/<objectid:restaurant_id>/"


class Person:
    """A logged-in person, as Flask-Login wants one; its id is the login's secret, not the user's."""

    is_authenticated = True
    is_active = True
    is_anonymous = False

    def __init__(self, secret: str, login: Document, user: Document) -> None:
        self.secret = secret
        self.login = login
        self.user = user

    def get_id(self) -> str:
        return self.secret


def anyone(view: View) -> View:
    """Declare a route that everybody may use."""
    view.__dict__["access"] = "anyone"
    return view


def person(view: View) -> View:
    """Declare a route for any logged-in person."""
    view.__dict__["access"] = "person"
    return view


def least(role: Role) -> Callable[[View], View]:
    """Declare a route of one restaurant for its members from this role upwards."""

    def declare(view: View) -> View:
        view.__dict__["access"] = role
        return view

    return declare


def passive(view: View) -> View:
    """Declare a route that browsers ask for by themselves: using it does not keep a login from growing idle."""
    view.__dict__["passive"] = True
    return view


def init_app(app: Flask) -> None:
    manager = LoginManager(app)
    manager.session_protection = None  # the login is a document; it needs no fingerprint of the browser
    manager.user_loader(_load_person)
    app.before_request(_guard)
    app.context_processor(
        lambda: {"person": g.get("person"), "restaurant": g.get("restaurant"), "member": g.get("member")}
    )


def check_routes(app: Flask) -> None:
    """Refuse to start with a route that does not say who may use it. Raises RuntimeError."""
    for rule in app.url_map.iter_rules():
        declared = _declared(app, rule.endpoint)
        if declared is None:
            raise RuntimeError(f"{rule.rule} ({rule.endpoint}) does not declare who may use it.")
        if rule.rule.startswith("/r/") and not (rule.rule.startswith(STAFF_PREFIX) and declared in RANKS):
            raise RuntimeError(f"{rule.rule} must start with {STAFF_PREFIX} and declare its least role.")
        if declared in RANKS and not rule.rule.startswith(STAFF_PREFIX):
            raise RuntimeError(f"{rule.rule} declares a role outside a restaurant.")


def log_in(user: Document) -> None:
    """Begin a login for this user in this browser; what the browser's session held before is dropped."""
    secret, login = sessions.start(user["_id"], request.remote_addr or "", request.user_agent.string)
    session.clear()
    session.permanent = True
    login_user(Person(secret, login, user))


def log_out() -> None:
    """End this browser's login; its cookie is worthless from now on, wherever it was copied to."""
    if current_user.is_authenticated:
        sessions.end(current_user.login["_id"])
    logout_user()
    session.clear()


def current_person() -> Document:
    """The user document of whoever is logged in. Only for routes that require a login."""
    return cast(Document, g.person)


def current_login() -> Document:
    """The login document of this browser. Only for routes that require a login."""
    return cast(Document, g.login)


def current_restaurant() -> Document:
    """The restaurant of this address. Only for staff routes."""
    return cast(Document, g.restaurant)


def current_member() -> Member:
    """The membership of whoever is asking, in this restaurant. Only for staff routes."""
    return cast(Member, g.member)


def at_least(member: Member, role: Role) -> bool:
    """Whether this member has at least this role."""
    return RANKS[member["role"]] >= RANKS[role]


def safe_next(target: str | None) -> str | None:
    """`target` if it is a path on this site, else None: `//evil` and `/\\evil` are other sites to a browser."""
    if not target or not target.startswith("/") or target.startswith(("//", "/\\")):
        return None
    return None if any(ord(character) < 32 for character in target) else target


def _load_person(secret: str) -> Person | None:
    login = sessions.find(sessions.hash_of(secret))
    user = db().users.find_one({"_id": login["actor"]["id"]}) if login else None
    return Person(secret, login, user) if login and user else None


def _declared(app: Flask, endpoint: str) -> str | None:
    return getattr(app.view_functions[endpoint], "access", None)


def _guard() -> ResponseReturnValue | None:
    if request.endpoint is None:
        return None  # nothing matched: the 404 or 405 follows
    declared = _declared(current_app, request.endpoint)
    if declared == "anyone":
        return None
    if not current_user.is_authenticated:
        return _ask_to_log_in()
    g.person, g.login = current_user.user, current_user.login
    if not getattr(current_app.view_functions[request.endpoint], "passive", False):
        sessions.touch(g.login)
    if declared in RANKS:
        _enter_restaurant(declared)
    return None


def _enter_restaurant(role: Role) -> None:
    restaurant = restaurants.get((request.view_args or {})["restaurant_id"])
    member = restaurants.member_of(restaurant, g.person["_id"]) if restaurant else None
    if restaurant is None or member is None:
        abort(404)
    g.restaurant, g.member = restaurant, member
    if not at_least(member, role):
        abort(403)


def _ask_to_log_in() -> ResponseReturnValue:
    if request.method not in ("GET", "HEAD"):
        flash(_("Please log in again; what you just did was not carried out."), "warning")
        return redirect(url_for("auth.login"), 303)
    return redirect(url_for("auth.login", next=request.full_path.rstrip("?")), 303)
