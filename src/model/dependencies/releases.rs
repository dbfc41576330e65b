//! Releases of the Flask family: what each needs, and what works together.
//!
//! Read from the packages' own metadata on 2026-11-22. The upper bounds that the metadata does
//! not state were found by running the combinations (Flask 2.0 to 2.2.2 do not import under
//! Werkzeug 3; Flask 2.2.5 loses its test client under Werkzeug 3.1).

use std::str::FromStr as _;

use pep440_rs::{Version, VersionSpecifiers};

use super::specifier::Specifier;

/// One release that an upgrade may choose.
#[derive(Debug, Clone, Copy)]
pub struct Release {
    pub package: &'static str,
    version: &'static str,
    /// The lowest Python 3 minor version, or 0 for releases that still run on Python 2.
    python_minor: u64,
    requires: &'static [(&'static str, &'static str)],
}

/// The releases that this tool knows.
#[derive(Debug, Clone, Copy)]
pub struct Releases(&'static [Release]);

const fn release(
    package: &'static str,
    version: &'static str,
    python_minor: u64,
    requires: &'static [(&'static str, &'static str)],
) -> Release {
    Release {
        package,
        version,
        python_minor,
        requires,
    }
}

const KNOWN: &[Release] = &[
    release(
        "flask",
        "1.1.4",
        0,
        &[
            ("werkzeug", ">=0.15,<2.0"),
            ("jinja2", ">=2.10.1,<3.0"),
            ("itsdangerous", ">=0.24,<2.0"),
            ("click", ">=5.1,<8.0"),
            ("markupsafe", "<2.1"),
        ],
    ),
    release(
        "flask",
        "2.0.3",
        6,
        &[
            ("werkzeug", ">=2.0,<3"),
            ("jinja2", ">=3.0"),
            ("itsdangerous", ">=2.0"),
            ("click", ">=7.1.2"),
        ],
    ),
    release(
        "flask",
        "2.1.3",
        7,
        &[
            ("werkzeug", ">=2.0,<3"),
            ("jinja2", ">=3.0"),
            ("itsdangerous", ">=2.0"),
            ("click", ">=8.0"),
        ],
    ),
    release(
        "flask",
        "2.2.2",
        7,
        &[
            ("werkzeug", ">=2.2.0,<3"),
            ("jinja2", ">=3.0"),
            ("itsdangerous", ">=2.0"),
            ("click", ">=8.0"),
        ],
    ),
    release(
        "flask",
        "2.2.5",
        7,
        &[
            ("werkzeug", ">=2.2.2,<3.1"),
            ("jinja2", ">=3.0"),
            ("itsdangerous", ">=2.0"),
            ("click", ">=8.0"),
        ],
    ),
    release(
        "flask",
        "2.3.3",
        8,
        &[
            ("werkzeug", ">=2.3.7"),
            ("jinja2", ">=3.1.2"),
            ("itsdangerous", ">=2.1.2"),
            ("click", ">=8.1.3"),
            ("blinker", ">=1.6.2"),
        ],
    ),
    release(
        "flask",
        "3.0.3",
        8,
        &[
            ("werkzeug", ">=3.0.0"),
            ("jinja2", ">=3.1.2"),
            ("itsdangerous", ">=2.1.2"),
            ("click", ">=8.1.3"),
            ("blinker", ">=1.6.2"),
        ],
    ),
    release(
        "flask",
        "3.1.3",
        9,
        &[
            ("werkzeug", ">=3.1.0"),
            ("jinja2", ">=3.1.2"),
            ("markupsafe", ">=2.1.1"),
            ("itsdangerous", ">=2.2.0"),
            ("click", ">=8.1.3"),
            ("blinker", ">=1.9.0"),
        ],
    ),
    release("werkzeug", "1.0.1", 0, &[]),
    release("werkzeug", "2.0.3", 6, &[]),
    release("werkzeug", "2.1.2", 7, &[]),
    release("werkzeug", "2.2.3", 7, &[("markupsafe", ">=2.1.1")]),
    release("werkzeug", "2.3.8", 8, &[("markupsafe", ">=2.1.1")]),
    release("werkzeug", "3.0.6", 8, &[("markupsafe", ">=2.1.1")]),
    release("werkzeug", "3.1.9", 9, &[("markupsafe", ">=2.1.1")]),
    release("jinja2", "2.11.3", 0, &[("markupsafe", ">=0.23,<2.1")]),
    release("jinja2", "3.0.3", 6, &[("markupsafe", ">=2.0")]),
    release("jinja2", "3.1.6", 7, &[("markupsafe", ">=2.0")]),
    release("markupsafe", "1.1.1", 0, &[]),
    release("markupsafe", "2.0.1", 6, &[]),
    release("markupsafe", "2.1.5", 7, &[]),
    release("markupsafe", "3.0.3", 9, &[]),
    release("itsdangerous", "1.1.0", 0, &[]),
    release("itsdangerous", "2.0.1", 6, &[]),
    release("itsdangerous", "2.1.2", 7, &[]),
    release("itsdangerous", "2.2.0", 8, &[]),
    release("click", "7.1.2", 0, &[]),
    release("click", "8.0.4", 6, &[]),
    release("click", "8.1.8", 7, &[]),
    release("click", "8.3.3", 10, &[]),
    release("blinker", "1.6.3", 7, &[]),
    release("blinker", "1.8.2", 8, &[]),
    release("blinker", "1.9.0", 9, &[]),
    release("gunicorn", "23.0.0", 7, &[]),
    release("gunicorn", "27.0.1", 10, &[]),
    release("flask-cors", "6.0.0", 9, &[]),
    release("waitress", "3.0.1", 9, &[]),
    release("pyjwt", "2.13.0", 9, &[]),
    release("python-dotenv", "1.2.2", 10, &[]),
    release("eventlet", "0.40.3", 9, &[]),
    release("gevent", "23.9.0", 8, &[]),
    release("flask-security-too", "5.8.1", 10, &[]),
    release("flask-reuploaded", "1.6.0", 10, &[]),
    release("quart", "0.20.0", 9, &[]),
];

/// Packages that move as one: none of them may be raised without a look at the others.
pub(super) const FAMILY: &[&str] = &[
    "flask",
    "werkzeug",
    "jinja2",
    "markupsafe",
    "itsdangerous",
    "click",
    "blinker",
];

/// Extensions, and the first of the releases tried that loads under Flask 3.1.3 with Werkzeug
/// 3.1.9: what is older raised ImportError, or failed on its first request.
pub(super) const FIRST_FOR_FLASK_3: &[(&str, &str)] = &[
    ("flask-babel", "4.0.0"),
    ("flask-bcrypt", "1.0.1"),
    ("flask-debugtoolbar", "0.14.1"),
    ("flask-jwt-extended", "4.4.4"),
    ("flask-login", "0.6.3"),
    ("flask-restful", "0.3.9"),
    ("flask-restx", "1.3.0"),
    ("flask-session", "0.5.0"),
    ("flask-socketio", "5.3.6"),
    ("flask-sqlalchemy", "3.0.5"),
    ("flask-wtf", "1.2.0"),
    ("flask-admin", "1.6.0"),
    ("flask-caching", "1.10.1"),
];

/// Packages that hold Flask back, whatever their version, and below which Flask they stay.
pub(super) const HOLDS_FLASK_BELOW: &[(&str, &str)] =
    &[("flask-appbuilder", "<3"), ("flask-script", "<2")];

impl Release {
    /// The version; none of the table's versions is malformed (a test reads them all).
    pub fn version(&self) -> Option<Version> {
        Version::from_str(self.version).ok()
    }

    /// Whether it runs on the Python `floor`.
    pub fn runs_on(&self, floor: Option<&Version>) -> bool {
        floor.is_none_or(|floor| *floor >= self.python())
    }

    /// The lowest Python that it runs on.
    pub fn python(&self) -> Version {
        match self.python_minor {
            0 => Version::new([2, 7]),
            minor => Version::new([3, minor]),
        }
    }

    /// Whether it works beside `version` of `package`.
    pub(super) fn goes_with(&self, package: &str, version: &Version) -> bool {
        self.requires
            .iter()
            .filter(|(name, _)| *name == package)
            .filter_map(|(_, clauses)| VersionSpecifiers::from_str(clauses).ok())
            .all(|clauses| clauses.contains(version))
    }
}

impl Releases {
    pub const fn known() -> Self {
        Self(KNOWN)
    }

    /// The known releases of `package`, oldest first.
    pub fn of(self, package: &str) -> impl Iterator<Item = &'static Release> {
        self.0
            .iter()
            .filter(move |release| release.package == package)
    }

    /// Whether two packages work beside each other, as far as is known of the first one.
    pub fn works_together(self, one: (&str, &Version), other: (&str, &Version)) -> bool {
        closest(one.0, one.1).is_none_or(|release| release.goes_with(other.0, other.1))
    }

    /// The newest known release of `package` that `specifier` admits.
    pub fn newest_within(self, package: &str, specifier: &Specifier) -> Option<Version> {
        let versions = self.of(package).filter_map(Release::version);
        versions.filter(|version| specifier.admits(version)).max()
    }
}

/// What is known of the release series of a version: its own entry, else the next older one of
/// the same minor version, else that series' first.
pub(super) fn closest(package: &str, version: &Version) -> Option<&'static Release> {
    let series = |version: &Version| {
        let mut parts = version.release().iter().copied();
        (parts.next().unwrap_or(0), parts.next().unwrap_or(0))
    };
    let of_series: Vec<(Version, &Release)> = Releases::known()
        .of(package)
        .filter_map(|release| Some((release.version()?, release)))
        .filter(|(known, _)| series(known) == series(version))
        .collect();
    let older = of_series.iter().filter(|(known, _)| known <= version);
    let found = older.max_by(|one, two| one.0.cmp(&two.0));
    found
        .or_else(|| of_series.iter().min_by(|one, two| one.0.cmp(&two.0)))
        .map(|(_, release)| *release)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_readable_and_in_order() {
        for release in KNOWN {
            let version = release.version().unwrap();
            for (name, clauses) in release.requires {
                assert!(
                    VersionSpecifiers::from_str(clauses).is_ok(),
                    "{name} {clauses}"
                );
            }
            let mut of = Releases::known().of(release.package);
            assert!(of.all(|other| other.version().unwrap() <= version
                || other.python_minor >= release.python_minor));
        }
        for (_, version) in FIRST_FOR_FLASK_3 {
            Version::from_str(version).unwrap();
        }
    }

    #[test]
    fn a_source_has_no_newest() {
        let any = Releases::known().newest_within("flask", &Specifier::Any);
        assert_eq!(any.unwrap().to_string(), "3.1.3");
    }
}
