"""Authentication and authorisation.

Every route declares its access with one of `anyone`, `person`, `least` and `operator`; the application does not start
if one does not. A single guard runs before every view: anonymous → login page; not a member → 404, which does not
disclose whether the restaurant exists; role too low → 403; password typed too long ago → password page.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar, cast

from bson import ObjectId
from flask import Flask, abort, current_app, flash, g, redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import LoginManager, current_user, login_user, logout_user

from waitercaller.model import logins, restaurants, users
from waitercaller.model.logins import Login
from waitercaller.model.restaurants import Actor, Member, Restaurant, Role
from waitercaller.model.users import User
from waitercaller.web.errors import DomainError

View = TypeVar("View", bound=Callable[..., Any])

RANKS: dict[Role, int] = {"waiter": 1, "manager": 2, "owner": 3}
STAFF_PREFIX = "/r/<objectid:restaurant_id>/"
OPERATORS_PREFIX = "/operator"


class Visitor:
    """The Flask-Login user object of a login: a person, or a device (then `user` is None).

    Its Flask-Login id is the secret of the login, not the user's id, so a cookie is worthless once the login has ended.
    """

    is_authenticated = True
    is_active = True
    is_anonymous = False

    def __init__(self, secret: str, login: Login, user: User | None) -> None:
        self.secret = secret
        self.login = login
        self.user = user

    def get_id(self) -> str:
        return self.secret


def anyone(view: View) -> View:
    """Declare a public route."""
    view.__dict__["access"] = "anyone"
    return view


def person(view: View) -> View:
    """Declare a route for any logged-in person."""
    view.__dict__["access"] = "person"
    return view


def least(role: Role, devices: bool = False) -> Callable[[View], View]:
    """Declare a route of a restaurant for its members with at least this role; with `devices`, also for devices."""

    def declare(view: View) -> View:
        view.__dict__["access"] = role
        view.__dict__["devices"] = devices
        return view

    return declare


def operator(view: View) -> View:
    """Declare a route for the operators of the installation (`model.operators`); they need a second factor."""
    view.__dict__["access"] = "operator"
    return view


def passive(view: View) -> View:
    """Declare a route that browsers request on their own: it does not reset the idle timeout of a login."""
    view.__dict__["passive"] = True
    return view


def sensitive(view: View) -> View:
    """Declare a route that needs a recently typed password (`logins.VERIFICATION_LIFETIME`)."""
    view.__dict__["sensitive"] = True
    return view


def init_app(app: Flask) -> None:
    # Not init_app: its hooks read the session for each answer, and query the database for each page, the 503 page too.
    manager = app.login_manager = LoginManager()  # type: ignore[attr-defined]
    manager.session_protection = None  # logins are checked in the database
    manager.user_loader(_load_visitor)
    app.before_request(_guard)
    app.context_processor(lambda: {name: g.get(name) for name in ("person", "device", "restaurant", "member")})


def check_routes(app: Flask) -> None:
    """Raise RuntimeError if a route does not declare its access, or if its prefix does not match its declaration."""
    for rule in app.url_map.iter_rules():
        declared = getattr(app.view_functions[rule.endpoint], "access", None)
        if declared is None:
            raise RuntimeError(f"{rule.rule} ({rule.endpoint}) does not declare who may use it.")
        if rule.rule.startswith("/r/") and not (rule.rule.startswith(STAFF_PREFIX) and declared in RANKS):
            raise RuntimeError(f"{rule.rule} must start with {STAFF_PREFIX} and declare its least role.")
        if declared in RANKS and not rule.rule.startswith(STAFF_PREFIX):
            raise RuntimeError(f"{rule.rule} declares a role outside a restaurant.")
        if rule.rule.startswith(OPERATORS_PREFIX) != (declared == "operator"):
            raise RuntimeError(f"{rule.rule} must start with {OPERATORS_PREFIX} if it is for operators, and only then.")


def log_in(user: User, verified_at: datetime | None = None) -> None:
    """Start a login of this user in this browser and clear the previous cookie session.

    `verified_at` is when the password was typed; None: now.
    """
    secret, login = logins.start(user["_id"], request.remote_addr or "", request.user_agent.string, verified_at)
    _begin(Visitor(secret, login, user))


def log_in_device(restaurant_id: ObjectId, name: str, member_id: str | None = None) -> None:
    """End the present login and log in this browser as a counter device, or as the phone of a member."""
    address, browser = request.remote_addr or "", request.user_agent.string
    log_out()
    secret, login = logins.start_device(restaurant_id, name, member_id, address, browser)
    _begin(Visitor(secret, login, None))


def log_out() -> None:
    """End this browser's login in the database, so that copies of its cookie are invalid, too."""
    if current_user.is_authenticated:
        logins.end(current_user.login["_id"])
    logout_user()
    session.clear()


def current_person() -> User:
    """The user document of the logged-in person. Only for routes that require a login."""
    return cast(User, g.person)


def current_login() -> Login:
    """The login document of this browser. Only for routes that require a login."""
    return cast(Login, g.login)


def current_restaurant() -> Restaurant:
    """The restaurant in the URL. Only for staff routes."""
    return cast(Restaurant, g.restaurant)


def current_member() -> Member | None:
    """The logged-in member of this restaurant; None for a counter device. Only for staff routes."""
    return cast(Member | None, g.member)


def required_member() -> Member:
    """The logged-in member; responds with 403 to a counter device. Only for staff routes."""
    return current_member() or abort(403)


def current_actor() -> Actor:
    """The actor of this HTTP request. A counter device names the member in the form field `as`, else 400."""
    member = g.member or restaurants.member_with_id(g.restaurant, request.form.get("as", ""))
    if member is None:
        abort(400)
    return {"id": member["id"], "name": member["name"]}


def at_least(member: Member, role: Role) -> bool:
    """Whether this member has at least this role."""
    return RANKS[member["role"]] >= RANKS[role]


def requires_two_factor(restaurant: Restaurant, member: Member) -> bool:
    """Whether this restaurant requires a second factor from this member."""
    return at_least(member, "manager") and bool(restaurant["settings"].get("two_factor_required"))


def _begin(visitor: Visitor) -> None:
    session.clear()
    session.permanent = True
    login_user(visitor)


def _load_visitor(secret: str) -> Visitor | None:
    login = logins.find(logins.hash_of(secret))
    if login is None:
        return None
    if login["actor"]["kind"] == "device":
        return Visitor(secret, login, None)
    user = users.get(login["actor"]["id"])
    return Visitor(secret, login, user) if user and not user.get("disabled_at") else None


def _guard() -> ResponseReturnValue | None:
    if request.endpoint is None:
        return None  # no route matched: Flask responds with 404 or 405
    view = current_app.view_functions[request.endpoint]
    declared = getattr(view, "access", None)
    if declared == "anyone":
        return None
    if not current_user.is_authenticated:
        return _ask_to_log_in()
    g.login, g.person = current_user.login, current_user.user
    if not getattr(view, "passive", False):
        logins.touch(g.login)
    if g.person is None:
        _enter_as_device(getattr(view, "devices", False))
    elif answer := _enter_as_person(declared):
        return answer
    if getattr(view, "sensitive", False) and not logins.is_verified(g.login):
        return _ask_for_password()
    return None


def _enter_as_person(declared: str | None) -> ResponseReturnValue | None:
    if declared == "operator":
        return _enter_as_operator()
    return _enter_as_member(declared) if declared in RANKS else None


def _enter_as_operator() -> ResponseReturnValue | None:
    """Others get 404: they need not know that there is such a page."""
    if not g.person.get("operator_since"):
        abort(404)
    if g.person.get("two_factor"):
        return None
    flash(_("Operators need two-factor login. As soon as it is set up, you can go on."), "warning")
    return redirect(url_for("two_factor.setup"), 303)


def _enter_as_member(role: Role) -> ResponseReturnValue | None:
    restaurant_id = (request.view_args or {})["restaurant_id"]
    restaurant = _restaurant(restaurant_id)
    if restaurant and restaurants.member_of(restaurant, g.person["_id"]) is None:
        restaurants.forget(restaurant_id)  # the cached document may be older than the membership
        restaurant = restaurants.get_even_suspended(restaurant_id)
    member = restaurants.member_of(restaurant, g.person["_id"]) if restaurant else None
    if restaurant is None or member is None:
        abort(404)
    _refuse_suspended(restaurant)
    g.restaurant, g.member = restaurant, member
    if not at_least(member, role):
        abort(403)
    if requires_two_factor(restaurant, member) and not g.person.get("two_factor"):
        return redirect(url_for("two_factor.setup"), 303)  # the page gives the reason
    return None


def _restaurant(restaurant_id: ObjectId) -> Restaurant | None:
    """The cached restaurant; as stored where a message waits to be shown.

    That page tells of a change just made, perhaps in another process, whose change the watcher has not seen yet.
    """
    if "_flashes" in session:
        restaurants.forget(restaurant_id)
    return restaurants.get_even_suspended(restaurant_id)


def _refuse_suspended(restaurant: Restaurant) -> None:
    """Raise DomainError (403) where an operator has suspended the restaurant."""
    if restaurant.get("suspended_at"):
        raise DomainError(
            _(
                "Whoever runs this site has suspended your restaurant. Its guests read that they should wave to the "
                "staff, and no call comes here. Nothing was deleted. Please ask whoever runs this site."
            ),
            403,
            title=_("Suspended"),
        )


def _enter_as_device(allowed: bool) -> None:
    restaurant_id = (request.view_args or {}).get("restaurant_id", g.login["restaurant_id"])
    restaurant = _restaurant(restaurant_id)
    if restaurant is None or restaurant_id != g.login["restaurant_id"]:
        abort(404)
    _refuse_suspended(restaurant)
    if not allowed:
        abort(403)
    g.restaurant, g.device = restaurant, g.login
    g.member = restaurants.member_with_id(restaurant, g.login["member_id"] or "")
    if g.login["member_id"] and g.member is None:
        abort(404)  # the phone of a removed member; without a member it would pass for a counter device


def _ask_for_password() -> ResponseReturnValue:
    flash(_("Please type your password again to go on."), "info")
    target = request.full_path.rstrip("?") if request.method in ("GET", "HEAD") else None
    return redirect(url_for("account.verify", next=target), 303)


def _ask_to_log_in() -> ResponseReturnValue:
    if request.method not in ("GET", "HEAD"):
        flash(_("Please log in again; what you just did was not carried out."), "warning")
        return redirect(url_for("auth.login"), 303)
    return redirect(url_for("auth.login", next=request.full_path.rstrip("?")), 303)
