"""Carries sessions from Flask's signed cookie into the server-side store, once each.

Delete this module and the line that uses it when the date given as `until` has passed.
"""

import secrets
from datetime import datetime, timezone

from flask.sessions import SecureCookieSessionInterface, SessionInterface
from itsdangerous import BadSignature


class MigratingSessionInterface(SessionInterface):
    def __init__(self, server_side, until):
        self.server_side = server_side
        self.until = until
        self.signed_cookie = SecureCookieSessionInterface()

    def open_session(self, app, request):
        data = self._signed_data(app, request)
        if data is None:
            return self.server_side.open_session(app, request)
        # A fresh id: the text of the old cookie must never become a session id.
        session = self.server_side.session_class(
            sid=secrets.token_urlsafe(32), permanent=self.server_side.permanent
        )
        session.update(data)
        session.modified = True
        return session

    def save_session(self, app, session, response):
        self.server_side.save_session(app, session, response)

    def _signed_data(self, app, request):
        if datetime.now(timezone.utc) >= self.until:
            return None
        cookie = request.cookies.get(app.config["SESSION_COOKIE_NAME"], "")
        # payload.timestamp.signature; a session id holds at most one dot.
        if cookie.count(".") < 2:
            return None
        serializer = self.signed_cookie.get_signing_serializer(app)
        if serializer is None:
            return None
        max_age = int(app.permanent_session_lifetime.total_seconds())
        try:
            return serializer.loads(cookie, max_age=max_age)
        except BadSignature:
            return None

    def __getattr__(self, name):
        return getattr(self.server_side, name)
