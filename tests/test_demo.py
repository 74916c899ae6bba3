"""The demo restaurant."""

from waitercaller import demo, passwords, restaurants
from waitercaller.auth import store as users
from waitercaller.tables import store as tables


def test_it_has_twelve_tables_in_three_zones_and_an_owner_who_can_log_in(app):
    with app.app_context():
        words = demo.prepare()
        owner = users.with_address(demo.EMAIL)
        assert owner is not None
        (restaurant,) = restaurants.of_user(owner["_id"])
        placed = tables.of_restaurant(restaurant["_id"])
    assert [member["role"] for member in restaurant["members"]] == ["owner", "waiter", "waiter"]
    assert [table["name"] for table in placed] == [str(number) for number in range(1, 13)]
    assert {table["zone_id"] for table in placed} == {zone["id"] for zone in restaurant["zones"]}
    assert len(restaurant["zones"]) == 3
    assert f"http://localhost/t/{placed[0]['code']}" in words
    answer = app.test_client().submit("/login", {"email": demo.EMAIL, "password": _password(words)})
    assert answer.status_code == 303


def test_a_second_start_gives_a_new_password_and_nothing_else(app):
    with app.app_context():
        first = demo.prepare()
        second = demo.prepare()
        owner = users.with_address(demo.EMAIL)
        assert owner is not None
        (restaurant,) = restaurants.of_user(owner["_id"])
        assert len(tables.of_restaurant(restaurant["_id"])) == 12
        assert not passwords.verify(_password(first), owner["password_hash"])
        assert passwords.verify(_password(second), owner["password_hash"])


def _password(words: str) -> str:
    return words.partition("with the password ")[2].split()[0]
