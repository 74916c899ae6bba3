"""A mail server that is silent, refuses, is slow, breaks off; a sender that is killed while the server has its mail.

The times for which servers are waited for are divided by a hundred; see `impatient`.
"""

import asyncio
import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.auth.test_register import ALICE
from tests.drills.row import Row, broken, number
from tests.drills.scene import PATIENCE_SECONDS, Scene, opened
from tests.support.cast import Mail, wait_until
from tests.support.deploy.guests import FORM
from tests.support.smtp import Mailbox, mail_server
from waitercaller.db.client import patiently

PEOPLE = 5
ANSWER_SECONDS = 1.0  # of a registration, whatever the mail server does
SLOW_SECONDS = 4.0  # less than the longest wait, of 6 s
FOR_EVER = 3600.0
BUSY = "451 4.3.0 Try again later"


class ImpatientScene(Scene):
    target = "tests.drills.impatient:app"


class TroubledMailbox(Mailbox):
    """`trouble` is what it does until it is well again; `met` counts how often."""

    def __init__(self) -> None:
        super().__init__()
        self.trouble = ""
        self.met = Counter[str]()

    async def handle_EHLO(  # noqa: N802 (the name is aiosmtpd's)
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        if self.trouble == "silent":
            self.met["silent"] += 1
            await asyncio.sleep(FOR_EVER)
        return await super().handle_EHLO(server, session, envelope, hostname, responses)

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.trouble == "refusing":
            self.met["refusing"] += 1
            return BUSY
        return await super().handle_RCPT(server, session, envelope, address, options)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        answer = await super().handle_DATA(server, session, envelope)
        self.met[self.trouble] += 1
        if self.trouble == "dropping" and isinstance(server.transport, asyncio.Transport):
            server.transport.abort()
        elif self.trouble == "slow":
            await asyncio.sleep(SLOW_SECONDS)
        elif self.trouble == "holding":
            await asyncio.sleep(FOR_EVER)
        return answer


def rows(folder: Path) -> Iterator[Row]:
    """ROUNDS (1) rounds of each trouble, and one mail that is given up."""
    mailbox, rounds = TroubledMailbox(), number("ROUNDS", 1)
    with mail_server(mailbox) as port:
        settings = {"MAIL_FOLDER": "", "MAIL_SERVER": "127.0.0.1", "MAIL_PORT": str(port), "MAIL_SECURITY": "none"}
        with opened(ImpatientScene(folder / "mails", **settings)) as scene:
            drill = Drill(scene, mailbox)
            yield drill.run("mail server silent", "silent", rounds)
            yield drill.run("mail server refuses for a while", "refusing", rounds)
            yield drill.run("mail server slow after DATA", "slow", rounds)
            yield drill.run("mail server breaks off after DATA", "dropping", rounds)
            yield drill.run("sender killed while the server has its mail", "holding", rounds)
            yield drill.give_up()


class Drill:
    """People register while the mail server is in trouble."""

    def __init__(self, scene: Scene, mailbox: TroubledMailbox) -> None:
        self._scene, self._mailbox = scene, mailbox
        self._people = 0

    def run(self, fault: str, trouble: str, rounds: int) -> Row:
        """Each round: PEOPLE register; when the trouble was met it ends, and each must get a link that works."""
        counts, slowest = Counter[str](), 0.0
        for _ in range(rounds):
            self._mailbox.mails.clear()
            self._mailbox.met.clear()
            self._mailbox.trouble = trouble
            began = time.monotonic()
            people = [f"guest{self._people + each}@example.org" for each in range(PEOPLE)]
            self._people += PEOPLE
            slowest = max(slowest, *map(self._register, people))
            self._endure(trouble)
            self._mailbox.trouble = ""
            wait_until(lambda: self._states() <= {"sent", "dropped"}, PATIENCE_SECONDS)
            counts["s until all have their mail"] = round(time.monotonic() - began)
            counts.update(self._counted(people, self._mailbox.mails))
        return self._row(fault, rounds, counts, slowest, trouble)

    def give_up(self) -> Row:
        """A server that refuses one mail for ever: the mail is given up, with an error in the log."""
        self._mailbox.trouble = "refusing"
        slowest = self._register("nobody@example.org")
        wait_until(lambda: "failed" in self._states(), PATIENCE_SECONDS)
        loud = self._scene.gunicorn.log.count("gave up the mail confirm")
        counts = {"given up": 1, "errors in the log": loud}
        holds = broken(silently=loud == 1, registration_late=slowest < ANSWER_SECONDS)
        return Row("mail server refuses for ever", 1, counts, f"registration {slowest:.2f} s", holds)

    def _endure(self, trouble: str) -> None:
        """Wait until the trouble was met; where the sender is to be killed, kill it then."""
        wait_until(lambda: self._mailbox.met[trouble] >= (PEOPLE if trouble == "slow" else 1), PATIENCE_SECONDS)
        if trouble == "dropping":
            wait_until(lambda: len(self._mailbox.mails) > PEOPLE, PATIENCE_SECONDS)
        if trouble == "holding":
            for worker in self._scene.gunicorn.workers:
                os.kill(worker, signal.SIGKILL)

    def _row(self, fault: str, rounds: int, counts: Counter[str], slowest: float, trouble: str) -> Row:
        holds = broken(
            registration_late=slowest < ANSWER_SECONDS,
            not_arrived=counts["people with a mail"] == rounds * PEOPLE,
            several_message_ids=not counts["with several Message-IDs"],
            links_that_do_not_work=counts["links that work"] == counts["mails"],
            sent_twice=trouble in ("dropping", "holding") or counts["mails"] == rounds * PEOPLE,
            no_restaurant=counts["restaurants opened"] == rounds * PEOPLE,
        )
        return Row(fault, rounds, dict(counts), f"registration {slowest:.2f} s", holds)

    def _counted(self, people: list[str], mails: list[Mail]) -> Counter[str]:
        """What has arrived; each link is opened before one of them is used."""
        counts = Counter[str](mails=len(mails))
        for person in people:
            own = [mail for mail in mails if mail.to == person]
            counts["people with a mail"] += bool(own)
            counts["with several Message-IDs"] += len({mail.message["Message-ID"] for mail in own}) > 1
            visits = [Visitor(self._scene).opened(mail.links[0].removeprefix(self._scene.url)) for mail in own]
            counts["links that work"] += sum(each.status == 200 for each in visits)
            counts["restaurants opened"] += bool(visits) and visits[-1].confirmed()
        return counts

    def _register(self, email: str) -> float:
        """Seconds until the answer."""
        visitor = Visitor(self._scene).opened("/register")
        began = time.monotonic()
        visitor.send("/register", {**ALICE, "email": email})
        assert visitor.status == 303, visitor.status
        return time.monotonic() - began

    def _states(self) -> set[str]:
        """The states of all mails."""
        with self._scene.app.app_context(), patiently():
            return set(self._scene.app.extensions["mongo"].database.outbox.distinct("state"))


class Visitor:
    """A browser without scripts, on the network."""

    def __init__(self, scene: Scene) -> None:
        self.status = 0
        self._scene, self._cookie, self._token = scene, "", ""

    def opened(self, path: str) -> "Visitor":
        """Open a page, also the one that a link leads on to."""
        while path:
            answer = self._scene.send(path, {"Cookie": self._cookie})
            self.status = answer.status
            self._keep(answer.headers)
            path = answer.header("Location") or ""
        self._token = answer.text.partition('name="csrf_token"')[2].partition('value="')[2].partition('"')[0]
        return self

    def send(self, path: str, fields: dict[str, str]) -> None:
        body = urlencode({**fields, "csrf_token": self._token}).encode()
        answer = self._scene.send(path, {**FORM, "Cookie": self._cookie}, method="POST", body=body)
        self.status = answer.status
        self._keep(answer.headers)

    def confirmed(self) -> bool:
        """Whether the button of the mailed link's page opens the restaurant."""
        self.send("/confirm", {"password": ALICE["password"]})
        return self.status == 303

    def _keep(self, headers: list[tuple[str, str]]) -> None:
        for name, value in headers:
            if name.lower() == "set-cookie" and value.startswith("session="):
                self._cookie = value.partition(";")[0]
