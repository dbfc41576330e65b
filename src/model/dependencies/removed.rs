//! Names that older releases had and newer ones do not.
//!
//! Found by importing each of them under Flask 1.1.4, 2.0.3, 2.1.3, 2.2.5, 2.3.3, 3.0.3 and
//! 3.1.3 with the Werkzeug, Jinja2, itsdangerous and MarkupSafe of their time.

use std::str::FromStr as _;

use pep440_rs::Version;

/// A name that is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Removed {
    /// As it is imported ("flask.escape"), or an attribute of an object ("before_first_request").
    pub name: &'static str,
    pub package: &'static str,
    since: &'static str,
    /// What to write instead.
    pub instead: &'static str,
}

const fn gone(
    name: &'static str,
    package: &'static str,
    since: &'static str,
    instead: &'static str,
) -> Removed {
    Removed {
        name,
        package,
        since,
        instead,
    }
}

const REMOVED: &[Removed] = &[
    gone("flask.escape", "flask", "3.0", "markupsafe.escape"),
    gone("flask.Markup", "flask", "3.0", "markupsafe.Markup"),
    gone(
        "flask._request_ctx_stack",
        "flask",
        "3.0",
        "flask.g or request",
    ),
    gone("flask._app_ctx_stack", "flask", "3.0", "flask.g"),
    gone(
        "flask.globals._request_ctx_stack",
        "flask",
        "3.0",
        "flask.g or request",
    ),
    gone("flask.globals._app_ctx_stack", "flask", "3.0", "flask.g"),
    gone(
        "flask.signals_available",
        "flask",
        "3.0",
        "always available",
    ),
    gone("flask.scaffold", "flask", "3.0", "flask.sansio.scaffold"),
    gone(
        "flask.helpers.locked_cached_property",
        "flask",
        "3.0",
        "werkzeug.utils.cached_property",
    ),
    gone(
        "flask.json.JSONEncoder",
        "flask",
        "2.3",
        "flask.json.provider.DefaultJSONProvider",
    ),
    gone(
        "flask.json.JSONDecoder",
        "flask",
        "2.3",
        "flask.json.provider.DefaultJSONProvider",
    ),
    gone(
        "flask.safe_join",
        "flask",
        "2.1",
        "werkzeug.utils.safe_join",
    ),
    gone(
        "flask.helpers.safe_join",
        "flask",
        "2.1",
        "werkzeug.utils.safe_join",
    ),
    gone("flask._compat", "flask", "2.0", "nothing: it was private"),
    gone("flask.ext", "flask", "1.0", "the extension's own package"),
    gone(
        "werkzeug.urls.url_quote",
        "werkzeug",
        "3.0",
        "urllib.parse.quote",
    ),
    gone(
        "werkzeug.urls.url_quote_plus",
        "werkzeug",
        "3.0",
        "urllib.parse.quote_plus",
    ),
    gone(
        "werkzeug.urls.url_unquote",
        "werkzeug",
        "3.0",
        "urllib.parse.unquote",
    ),
    gone(
        "werkzeug.urls.url_unquote_plus",
        "werkzeug",
        "3.0",
        "urllib.parse.unquote_plus",
    ),
    gone(
        "werkzeug.urls.url_parse",
        "werkzeug",
        "3.0",
        "urllib.parse.urlsplit",
    ),
    gone(
        "werkzeug.urls.url_unparse",
        "werkzeug",
        "3.0",
        "urllib.parse.urlunsplit",
    ),
    gone(
        "werkzeug.urls.url_encode",
        "werkzeug",
        "3.0",
        "urllib.parse.urlencode",
    ),
    gone(
        "werkzeug.urls.url_decode",
        "werkzeug",
        "3.0",
        "urllib.parse.parse_qs",
    ),
    gone(
        "werkzeug.urls.url_join",
        "werkzeug",
        "3.0",
        "urllib.parse.urljoin",
    ),
    gone(
        "werkzeug.urls.url_fix",
        "werkzeug",
        "3.0",
        "werkzeug.urls.iri_to_uri",
    ),
    gone(
        "werkzeug.__version__",
        "werkzeug",
        "3.1",
        "importlib.metadata.version(\"werkzeug\")",
    ),
    gone(
        "werkzeug.wsgi.make_line_iter",
        "werkzeug",
        "3.0",
        "iterating over the stream",
    ),
    gone(
        "werkzeug.wsgi.pop_path_info",
        "werkzeug",
        "2.3",
        "an own helper",
    ),
    gone(
        "werkzeug.wsgi.peek_path_info",
        "werkzeug",
        "2.3",
        "an own helper",
    ),
    gone(
        "werkzeug.wsgi.extract_path_info",
        "werkzeug",
        "2.3",
        "an own helper",
    ),
    gone(
        "werkzeug.security.safe_str_cmp",
        "werkzeug",
        "2.1",
        "hmac.compare_digest",
    ),
    gone(
        "werkzeug.security.pbkdf2_hex",
        "werkzeug",
        "2.1",
        "hashlib.pbkdf2_hmac",
    ),
    gone(
        "werkzeug.wrappers.BaseResponse",
        "werkzeug",
        "2.1",
        "werkzeug.wrappers.Response",
    ),
    gone(
        "werkzeug.wrappers.BaseRequest",
        "werkzeug",
        "2.1",
        "werkzeug.wrappers.Request",
    ),
    gone("werkzeug.urls.Href", "werkzeug", "2.1", "urllib.parse"),
    gone(
        "werkzeug.utils.format_string",
        "werkzeug",
        "2.1",
        "string.Template",
    ),
    gone(
        "werkzeug.useragents",
        "werkzeug",
        "2.1",
        "a library that parses user agents",
    ),
    gone(
        "werkzeug.contrib",
        "werkzeug",
        "1.0",
        "werkzeug.middleware or cachelib",
    ),
    gone(
        "werkzeug.wsgi.SharedDataMiddleware",
        "werkzeug",
        "1.0",
        "werkzeug.middleware.shared_data",
    ),
    gone(
        "werkzeug.wsgi.DispatcherMiddleware",
        "werkzeug",
        "1.0",
        "werkzeug.middleware.dispatcher",
    ),
    gone(
        "werkzeug.secure_filename",
        "werkzeug",
        "1.0",
        "werkzeug.utils.secure_filename",
    ),
    gone(
        "werkzeug.cached_property",
        "werkzeug",
        "1.0",
        "werkzeug.utils.cached_property",
    ),
    gone(
        "werkzeug.generate_password_hash",
        "werkzeug",
        "1.0",
        "werkzeug.security",
    ),
    gone(
        "werkzeug.check_password_hash",
        "werkzeug",
        "1.0",
        "werkzeug.security",
    ),
    gone(
        "werkzeug.FileStorage",
        "werkzeug",
        "1.0",
        "werkzeug.datastructures.FileStorage",
    ),
    gone("jinja2.Markup", "jinja2", "3.1", "markupsafe.Markup"),
    gone("jinja2.escape", "jinja2", "3.1", "markupsafe.escape"),
    gone("jinja2.utils.Markup", "jinja2", "3.1", "markupsafe.Markup"),
    gone(
        "jinja2.contextfunction",
        "jinja2",
        "3.1",
        "jinja2.pass_context",
    ),
    gone(
        "jinja2.contextfilter",
        "jinja2",
        "3.1",
        "jinja2.pass_context",
    ),
    gone(
        "jinja2.environmentfunction",
        "jinja2",
        "3.1",
        "jinja2.pass_environment",
    ),
    gone(
        "jinja2.environmentfilter",
        "jinja2",
        "3.1",
        "jinja2.pass_environment",
    ),
    gone(
        "jinja2.evalcontextfilter",
        "jinja2",
        "3.1",
        "jinja2.pass_eval_context",
    ),
    gone(
        "jinja2.evalcontextfunction",
        "jinja2",
        "3.1",
        "jinja2.pass_eval_context",
    ),
    gone("itsdangerous.json", "itsdangerous", "2.1", "json"),
    gone(
        "itsdangerous.JSONWebSignatureSerializer",
        "itsdangerous",
        "2.1",
        "authlib or PyJWT",
    ),
    gone(
        "itsdangerous.TimedJSONWebSignatureSerializer",
        "itsdangerous",
        "2.1",
        "itsdangerous.URLSafeTimedSerializer",
    ),
    gone(
        "markupsafe.soft_unicode",
        "markupsafe",
        "2.1",
        "markupsafe.soft_str",
    ),
    gone(
        "before_first_request",
        "flask",
        "2.3",
        "run it in the factory",
    ),
    gone(
        "before_app_first_request",
        "flask",
        "2.3",
        "run it in the factory",
    ),
    gone("json_encoder", "flask", "2.3", "app.json, a JSON provider"),
    gone("json_decoder", "flask", "2.3", "app.json, a JSON provider"),
    gone(
        "session_cookie_name",
        "flask",
        "2.3",
        "config[\"SESSION_COOKIE_NAME\"]",
    ),
    gone(
        "send_file_max_age_default",
        "flask",
        "2.3",
        "config[\"SEND_FILE_MAX_AGE_DEFAULT\"]",
    ),
];

impl Removed {
    /// What a move of `package` from one version to another takes away.
    pub fn between(package: &str, from: &Version, to: &Version) -> Vec<Self> {
        let crossed = |removed: &&Self| {
            Version::from_str(removed.since).is_ok_and(|since| *from < since && since <= *to)
        };
        REMOVED
            .iter()
            .filter(|removed| removed.package == package)
            .filter(crossed)
            .copied()
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_move_crosses() {
        let names = |from: [u64; 3], to: [u64; 3]| {
            let found = Removed::between("flask", &Version::new(from), &Version::new(to));
            found.iter().map(|removed| removed.name).collect::<Vec<_>>()
        };
        assert!(names([2, 2, 5], [3, 1, 3]).contains(&"flask.escape"));
        assert!(!names([2, 2, 5], [3, 1, 3]).contains(&"flask.safe_join"));
        assert!(names([3, 0, 3], [3, 1, 3]).is_empty());
        assert!(
            REMOVED
                .iter()
                .all(|removed| Version::from_str(removed.since).is_ok())
        );
    }
}
