"""Slack's calls, over HTTP or Socket Mode, to the handlers and back, always within three seconds.

What is asked is stored before it is acknowledged, so that no promise is broken. Where the database
is too slow for that, the acknowledgement says so, and how it ended is told afterwards.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as Late
from functools import cached_property
from http.client import HTTPException
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import SQLAlchemyError

from crew.errors import FirstmileError, HostUnavailable, TransientError
from triggers.desk import Desk
from triggers.orchestrator import Orchestrator
from triggers.payload import mapping, text
from triggers.slack_blocks import ANSWER_FORM, OPTION, OTHER, REQUEST_FORM, notice_form
from triggers.slack_calls import problem, web_client
from triggers.slack_handlers import SlackHandlers
from triggers.slack_settings import SlackSettings
from triggers.slack_text import escaped

if TYPE_CHECKING:
    from slack_bolt import Ack, App, BoltResponse
    from slack_bolt.adapter.socket_mode.builtin import SocketModeHandler
    from starlette.responses import Response

ACK_SECONDS = 2.4
_THREADS = 16
_PASSED_ON = ("content-type", "x-slack-retry-num", "x-slack-retry-reason")
_UNSURE = (
    "This takes longer than usual, so it is not certain yet whether it was taken. How it ends is "
    "told here; if nothing is within a minute, please try again."
)
_AFTER_ALL = "It was taken after all."
_BUSY = "Too much is going on just now; this was not taken. Please try again in a minute."
_DOWN = "The database does not answer, so this was not taken. Please try again in a minute."
_BROKEN = (
    "Something went wrong here, and this was not taken. Please try again; if it goes on, tell whoever "
    "runs Firstmile."
)
_LOG = logging.getLogger(__name__)
Payload = dict[str, Any]
Handler = Callable[[Payload], str]


class SlackApp:
    """The app at our end. Nothing is called at Slack before somebody there calls us."""

    def __init__(self, settings: SlackSettings, orchestrator: Orchestrator, desk: Desk) -> None:
        self._settings = settings
        self._handlers = SlackHandlers(settings, orchestrator, desk)
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="slack")

    @property
    def socket_mode(self) -> bool:
        """Whether we connect to Slack, instead of waiting for its calls."""
        return self._settings.socket_mode

    def respond(self, headers: Mapping[str, str], body: bytes) -> Response:
        """The answer to a call over HTTP; 401 unless Slack signed it within five minutes."""
        from slack_bolt import BoltRequest
        from slack_bolt.adapter.starlette.handler import to_starlette_response
        from starlette.responses import Response

        if not self._is_signed(headers, body):
            return Response("This call was not signed by Slack just now.\n", status_code=401)
        kept = {name: headers[name] for name in _PASSED_ON if name in headers}
        try:
            request = BoltRequest(body=body.decode(), headers=dict(kept))
        except (ValueError, TypeError, AttributeError, LookupError, RecursionError):
            return Response("This call cannot be read.\n", status_code=400)
        return to_starlette_response(self._bolt.dispatch(request))

    def start_socket_mode(self) -> None:
        """Connect to Slack, unless the connection is up. To be called again and again, as the client
        itself takes ten seconds to notice that it is not. Raises HostUnavailable, or
        InvalidSettings for a token that is not accepted."""
        from slack_sdk.errors import SlackApiError, SlackClientError

        client = self._socket.client
        if client.is_connected():
            return
        try:
            client.connect_to_new_endpoint()
        except SlackApiError as error:
            raise problem("Slack could not open a connection", error) from None
        except (OSError, HTTPException, ValueError, SlackClientError) as error:
            raise HostUnavailable(
                f"Slack could not open a connection: {type(error).__name__}.",
                "Check the network; it is tried again.",
            ) from error

    def stop(self) -> None:
        """Take no more calls; what was taken is stored."""
        if "_socket" in self.__dict__:
            self._socket.client.close()
        self._pool.shutdown(wait=False)

    def _is_signed(self, headers: Mapping[str, str], body: bytes) -> bool:
        """Whether Slack signed it, https://docs.slack.dev/authentication/verifying-requests-from-slack.
        The verifier takes for granted that the headers have the right form."""
        from slack_sdk.signature import SignatureVerifier

        secret = self._settings.signing_secret.get_secret_value()
        timestamp = headers.get("x-slack-request-timestamp", "")
        signature = headers.get("x-slack-signature", "")
        formed = re.fullmatch(r"[0-9]{1,12}", timestamp) and re.fullmatch(
            r"v0=\w{64}", signature, re.A
        )
        if not secret or not formed:
            return False
        try:
            return SignatureVerifier(secret).is_valid(body, timestamp, signature)
        except UnicodeDecodeError:
            return False

    @cached_property
    def _bolt(self) -> App:
        """Slack's own dispatcher. It verifies nothing: that is done before anything is parsed."""
        from slack_bolt import App
        from slack_bolt.authorization import AuthorizeResult

        token = self._settings.bot_token.get_secret_value()

        def authorize(enterprise_id: str, team_id: str) -> AuthorizeResult:
            return AuthorizeResult(enterprise_id=enterprise_id, team_id=team_id, bot_token=token)

        app = App(
            client=web_client(self._settings, None), authorize=authorize,
            request_verification_enabled=False, ssl_check_enabled=False,
            process_before_response=True, listener_executor=self._pool,
        )  # fmt: skip
        anything = re.compile(".*")
        app.command(anything)(self._on_command)
        app.view(REQUEST_FORM)(self._on_request)
        app.view(ANSWER_FORM)(self._on_answer)
        app.action(re.compile(f"{OPTION}_.*|{OTHER}"))(self._on_press)
        app.action(anything)(lambda ack: ack())
        app.event("message")(self._on_message)
        app.event("app_mention")(self._on_message)
        app.event(anything)(lambda: None)
        return app

    @cached_property
    def _socket(self) -> SocketModeHandler:
        from slack_bolt.adapter.socket_mode.builtin import SocketModeHandler

        token = self._settings.app_token.get_secret_value()
        return SocketModeHandler(self._bolt, token, web_client=web_client(self._settings, None))

    # --- what Slack calls; each ends within ACK_SECONDS ------------------------------------------

    def _on_command(self, ack: Ack, body: Payload) -> None:
        ack(self._within(self._handlers.command, body))

    def _on_request(self, ack: Ack, body: Payload) -> None:
        self._close_form(ack, self._within(self._handlers.request, body))

    def _on_answer(self, ack: Ack, body: Payload) -> None:
        self._close_form(ack, self._within(self._handlers.answer, body))

    def _on_press(self, ack: Ack, body: Payload) -> None:
        """Nothing is lost if this process dies: the buttons stay until the answer is stored."""
        ack()
        self._pool.submit(self._press, body)

    def _on_message(self, body: Payload) -> BoltResponse | None:
        """What cannot be stored now is refused, and Slack sends it again."""
        from slack_bolt import BoltResponse

        event = mapping(body.get("event"))
        future = self._pool.submit(self._handlers.message, body)
        try:
            said = future.result(ACK_SECONDS)
        except (Late, TransientError, SQLAlchemyError) as error:
            _LOG.warning("An event of Slack waits for its second try: %s", type(error).__name__)
            return BoltResponse(status=503)
        except FirstmileError as error:
            said = _words_of(error)
        if said:
            self._pool.submit(self._tell_in_thread, event, said)
        return None

    # --- in threads of our own ---------------------------------------------------------------

    def _within(self, handler: Handler, body: Payload) -> str:
        """What the handler says, or what can be said while it is still at it."""
        future: Future[str] = self._pool.submit(self._said, handler, body)
        try:
            return future.result(ACK_SECONDS)
        except Late:
            if future.cancel():
                return _BUSY
            future.add_done_callback(lambda done: self._tell(body, done.result() or _AFTER_ALL))
            return _UNSURE

    def _press(self, body: Payload) -> None:
        if said := self._said(self._handlers.press, body):
            self._tell(body, said)

    def _said(self, handler: Handler, body: Payload) -> str:
        """What the handler says; whatever it raises, in words. Nobody is left without an answer."""
        try:
            return handler(body)
        except FirstmileError as error:
            return _words_of(error)
        except SQLAlchemyError as error:
            _LOG.error("The database does not answer: %s", type(error).__name__)
            return _DOWN
        except Exception:
            _LOG.exception("A call of Slack could not be handled")
            return _BROKEN

    def _tell(self, body: Payload, said: str) -> None:
        """Say something to who called, after the call was acknowledged."""
        from slack_sdk import WebhookClient

        user = text(body.get("user_id")) or text(mapping(body.get("user")).get("id"))
        address = text(body.get("response_url"))
        if not address:
            self._call("chat_postMessage", channel=user, text=said)
            return
        seconds = round(self._settings.timeout_seconds) or 1
        try:
            WebhookClient(address, timeout=seconds, retry_handlers=[]).send(
                text=said, response_type="ephemeral", replace_original=False
            )
        except (OSError, HTTPException, ValueError) as error:
            _LOG.warning("Nothing could be said in Slack: %s", type(error).__name__)

    def _tell_in_thread(self, event: Payload, said: str) -> None:
        channel, user = text(event.get("channel")), text(event.get("user"))
        thread = text(event.get("thread_ts"))
        where = {"thread_ts": thread} if thread else {}
        self._call("chat_postEphemeral", channel=channel, user=user, text=said, **where)

    def _call(self, method: str, **arguments: str) -> None:
        try:
            self._handlers.calls.call("say something", method, **arguments)
        except FirstmileError as error:
            _LOG.warning("%s", error.message)

    @staticmethod
    def _close_form(ack: Ack, said: str) -> None:
        if said:
            ack(response_action="update", view=notice_form(said))
        else:
            ack()


def _words_of(error: FirstmileError) -> str:
    return escaped(f"{error.message} {error.cure}".strip())
