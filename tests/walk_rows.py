"""The rows of the walk: what each of seven people is answered on every route. See test_walk.

They hold what the guard and the roles decide, so a changed number here is a changed right. Bob is a waiter, Mona a
manager and Alice the owner of the restaurant in the address; the screen stands on its counter; Charlie owns another.
"""

LOGIN = "login"  # sent to the login page

Row = tuple[int | str, int | str, int | str, int | str, int | str, int | str, int | str]

PEOPLE = ("anonymous", "unconfirmed", "screen", "bob", "mona", "alice", "charlie")

GETS: dict[str, Row] = {
    "static": (404, 404, 404, 404, 404, 404, 404),
    "favicon": (200, 200, 200, 200, 200, 200, 200),
    "ops.healthz": (200, 200, 200, 200, 200, 200, 200),
    "ops.readyz": (200, 200, 200, 200, 200, 200, 200),
    "ops.show_metrics": (200, 200, 200, 200, 200, 200, 200),  # the test asks from this machine; see test_metrics
    "analytics.frame": (404, 404, 404, 404, 404, 404, 404),  # until the operator has analytics and the visitor accepts
    "wellknown.change_password": (303, 303, 303, 303, 303, 303, 303),
    "wellknown.security_txt": (200, 200, 200, 200, 200, 200, 200),
    "auth.code": (LOGIN, LOGIN, LOGIN, LOGIN, LOGIN, LOGIN, LOGIN),
    "auth.confirm": (400, 400, 400, 400, 400, 400, 400),
    "auth.confirm_link": (303, 303, 303, 303, 303, 303, 303),
    "auth.forgot": (200, 200, 200, 200, 200, 200, 200),
    "auth.forgot_sent": (200, 200, 200, 200, 200, 200, 200),
    "auth.home": (200, 200, 303, 303, 303, 303, 303),
    "auth.login": (200, 200, 303, 303, 303, 303, 303),
    "auth.register": (200, 200, 303, 303, 303, 303, 303),
    "auth.registered": (200, 200, 200, 200, 200, 200, 200),
    "auth.reset": (400, 400, 400, 400, 400, 400, 400),
    "auth.reset_link": (303, 303, 303, 303, 303, 303, 303),
    "account.delete": (LOGIN, LOGIN, 403, 200, 200, 200, 200),
    "account.email": (LOGIN, LOGIN, 403, 200, 200, 200, 200),
    "account.email_link": (303, 303, 303, 303, 303, 303, 303),
    "account.export": (LOGIN, LOGIN, 403, 200, 200, 200, 200),
    "account.index": (LOGIN, LOGIN, 403, 200, 200, 200, 200),
    "account.new_email": (400, 400, 400, 400, 400, 400, 400),
    "account.password": (LOGIN, LOGIN, 403, 200, 200, 200, 200),
    "account.sessions": (LOGIN, LOGIN, 403, 200, 200, 200, 200),
    "account.verify": (LOGIN, LOGIN, 403, 200, 200, 200, 200),
    "two_factor.setup": (LOGIN, LOGIN, 403, 200, 200, 200, 200),
    "tables.edit": (LOGIN, LOGIN, 403, 403, 200, 200, 404),
    "tables.index": (LOGIN, LOGIN, 403, 403, 200, 200, 404),
    "tables.print_sheet": (LOGIN, LOGIN, 403, 403, 200, 200, 404),
    "tables.qr_png": (LOGIN, LOGIN, 403, 403, 200, 200, 404),
    "tables.qr_svg": (LOGIN, LOGIN, 403, 403, 200, 200, 404),
    "staff.code": (LOGIN, LOGIN, 200, 403, 200, 200, 404),
    "staff.index": (LOGIN, LOGIN, 403, 403, 200, 200, 404),
    "staff.invitation": (400, 400, 400, 400, 400, 400, 400),
    "staff.invitation_link": (303, 303, 303, 303, 303, 303, 303),
    "staff.phone": (400, 400, 400, 400, 400, 400, 400),
    "staff.phone_link": (303, 303, 303, 303, 303, 303, 303),
    "staff.phones": (LOGIN, LOGIN, 200, 403, 200, 200, 404),
    "staff.screen": (400, 400, 400, 400, 400, 400, 400),
    "staff.screen_link": (303, 303, 303, 303, 303, 303, 303),
    "staff.show_history": (LOGIN, LOGIN, 403, 403, 403, 200, 404),
    "report.download": (LOGIN, LOGIN, 403, 403, 200, 200, 404),
    "report.index": (LOGIN, LOGIN, 403, 403, 200, 200, 404),
    "report.show_history": (LOGIN, LOGIN, 200, 200, 200, 200, 404),
    "requests.dashboard": (LOGIN, LOGIN, 200, 200, 200, 200, 404),
    "requests.guest": (200, 200, 200, 200, 200, 200, 200),
    "requests.guest_live": (200, 200, 200, 200, 200, 200, 200),
    "requests.guest_printed": (200, 200, 200, 200, 200, 200, 200),
    "requests.live": (LOGIN, LOGIN, 200, 200, 200, 200, 404),
    "requests.who": (LOGIN, LOGIN, 400, 303, 303, 303, 404),
}

# Sent with the person's own CSRF token and else nothing: 400 is then the form's answer, the guard has let it through.
# Without the token it is 400 for everybody.
POSTS: dict[str, Row] = {
    "auth.code": (LOGIN, LOGIN, LOGIN, LOGIN, LOGIN, LOGIN, LOGIN),
    "auth.confirm": (400, 400, 400, 400, 400, 400, 400),
    "auth.forgot": (400, 400, 400, 400, 400, 400, 400),
    "auth.login": (400, 400, 400, 400, 400, 400, 400),
    "auth.logout": (LOGIN, LOGIN, LOGIN, LOGIN, LOGIN, LOGIN, LOGIN),
    "auth.register": (400, 400, 303, 303, 303, 303, 303),
    "auth.resend": (400, 400, 400, 400, 400, 400, 400),
    "auth.reset": (400, 400, 400, 400, 400, 400, 400),
    "account.delete": (LOGIN, LOGIN, 403, 303, 303, 400, 400),
    "account.email": (LOGIN, LOGIN, 403, 400, 400, 400, 400),
    "account.end_session": (LOGIN, LOGIN, 403, 303, 303, 303, 303),
    "account.export": (LOGIN, LOGIN, 403, 200, 200, 200, 200),
    "account.name": (LOGIN, LOGIN, 403, 400, 400, 400, 400),
    "account.new_email": (400, 400, 400, 400, 400, 400, 400),
    "account.password": (LOGIN, LOGIN, 403, 400, 400, 400, 400),
    "account.verify": (LOGIN, LOGIN, 403, 400, 400, 400, 400),
    "two_factor.disable": (LOGIN, LOGIN, 403, 303, 303, 303, 303),
    "two_factor.recovery_codes": (LOGIN, LOGIN, 403, 303, 303, 303, 303),
    "two_factor.setup": (LOGIN, LOGIN, 403, 400, 400, 400, 400),
    "tables.add": (LOGIN, LOGIN, 403, 403, 400, 400, 404),
    "tables.edit": (LOGIN, LOGIN, 403, 403, 400, 400, 404),
    "tables.remove": (LOGIN, LOGIN, 403, 403, 303, 303, 404),
    "tables.rotate": (LOGIN, LOGIN, 403, 403, 303, 303, 404),
    "staff.add": (LOGIN, LOGIN, 403, 403, 400, 400, 404),
    "staff.end_screen": (LOGIN, LOGIN, 403, 403, 303, 303, 404),
    "staff.invitation": (400, 400, 400, 400, 400, 400, 400),
    "staff.invite": (LOGIN, LOGIN, 403, 403, 400, 400, 404),
    "staff.let_in": (LOGIN, LOGIN, 403, 403, 303, 303, 404),
    "staff.make_screen": (LOGIN, LOGIN, 403, 403, 403, 400, 404),
    "staff.phone": (400, 400, 400, 400, 400, 400, 400),
    "staff.phone_code": (LOGIN, LOGIN, 303, 403, 303, 303, 404),
    "staff.remove": (LOGIN, LOGIN, 403, 403, 303, 303, 404),
    "staff.require_two_factor": (LOGIN, LOGIN, 403, 403, 403, 303, 404),
    "staff.role": (LOGIN, LOGIN, 403, 403, 403, 400, 404),
    "staff.screen": (400, 400, 400, 400, 400, 400, 400),
    "staff.screen_code": (LOGIN, LOGIN, 403, 403, 403, 303, 404),
    "staff.withdraw": (LOGIN, LOGIN, 403, 403, 303, 303, 404),
    "requests.accept": (LOGIN, LOGIN, 303, 303, 303, 303, 404),
    "requests.dismiss": (LOGIN, LOGIN, 303, 303, 303, 303, 404),
    "requests.pass_on": (LOGIN, LOGIN, 303, 303, 303, 303, 404),
    "requests.lift_pause": (LOGIN, LOGIN, 303, 303, 303, 303, 404),
    "requests.pause_table": (LOGIN, LOGIN, 303, 303, 303, 303, 404),
    "requests.reopen": (LOGIN, LOGIN, 303, 303, 303, 303, 404),
    "requests.resolve": (LOGIN, LOGIN, 303, 303, 303, 303, 404),
    "requests.shown": (LOGIN, LOGIN, 400, 400, 400, 400, 404),
    "requests.tell": (LOGIN, LOGIN, 400, 400, 400, 400, 404),
}

# These take no cookie and so no token, and answer everybody alike: the code in the address is the authority.
GUEST_POSTS = {
    "analytics.answer": 404,  # as long as the operator has no analytics
    "requests.call": 400,
    "requests.cancel": 303,
    "requests.guest_reopen": 303,
}
