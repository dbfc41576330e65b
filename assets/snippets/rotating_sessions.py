"""SECRET_KEY_FALLBACKS for Flask before 3.1.1."""

from flask.sessions import SecureCookieSessionInterface
from itsdangerous import URLSafeTimedSerializer


def accept_retired_keys(app):
    """Call this once the app is configured; other session interfaces stay."""
    if type(app.session_interface) is SecureCookieSessionInterface:
        app.session_interface = RotatingSessionInterface()


class RotatingSessionInterface(SecureCookieSessionInterface):
    """Reads sessions signed with a retired key, and signs with the current one."""

    def get_signing_serializer(self, app):
        if not app.secret_key:
            return None
        retired = list(app.config.get("SECRET_KEY_FALLBACKS") or [])
        # itsdangerous accepts every key and signs with the last one.
        return URLSafeTimedSerializer(
            retired + [app.secret_key],
            salt=self.salt,
            serializer=self.serializer,
            signer_kwargs={
                "key_derivation": self.key_derivation,
                "digest_method": self.digest_method,
            },
        )
