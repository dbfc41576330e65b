"""Tell browsers which scripts belong to the application."""

import secrets

from flask import g

# Browsers only report what the policy would block. Once nothing that belongs to the
# application is reported, change this to "Content-Security-Policy".
HEADER = "Content-Security-Policy-Report-Only"

POLICY = {
    "default-src": "'self'",
    "script-src": "'self'",
    "object-src": "'none'",
    "base-uri": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'self'",
}


def csp_nonce():
    """Return this request's random value for <script nonce="{{ csp_nonce() }}">."""
    if "csp_nonce" not in g:
        g.csp_nonce = secrets.token_urlsafe(16)
    return g.csp_nonce


def add_security_headers(response):
    """Send the policy, unless the view sends its own."""
    policy = dict(POLICY)
    if "csp_nonce" in g:
        policy["script-src"] += f" 'nonce-{g.csp_nonce}'"
    text = "; ".join(f"{name} {value}" for name, value in policy.items())
    response.headers.setdefault(HEADER, text)
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Referrer-Policy", "strict-origin-when-cross-origin")
    return response


def init_security_headers(app):
    """Send the headers with every response of the application."""
    app.add_template_global(csp_nonce)
    app.after_request(add_security_headers)
