//! The strategies and the threats they mitigate, with the impacts of the specification.

use crate::finding::Severity;

/// One of the six mitigation strategies.
#[derive(Debug, PartialEq, Eq)]
pub struct Strategy {
    pub id: &'static str,
    pub title: &'static str,
    /// The conventional-commit subject of its commit.
    pub subject: &'static str,
    pub threats: &'static [Threat],
    /// The Markdown page that `explain` shows.
    pub page: &'static str,
}

/// What an attacker may achieve, with and without the strategy.
#[derive(Debug, PartialEq, Eq)]
pub struct Threat {
    pub id: &'static str,
    pub name: &'static str,
    /// The impact with no control in place.
    pub before: Severity,
    /// The impact with every control in place.
    pub after: Severity,
    /// A control without which the impact cannot fall below the given severity.
    pub unless: Option<(&'static str, Severity)>,
}

const fn threat(id: &'static str, name: &'static str, before: Severity, after: Severity) -> Threat {
    Threat {
        id,
        name,
        before,
        after,
        unless: None,
    }
}

use Severity::{Critical, High, Low, Medium, Negligible};

pub static DEBUG_MODE: Strategy = Strategy {
    id: "debug-mode",
    title: "Disable debug mode in production",
    subject: "fix(security): keep debug mode out of production",
    threats: &[
        threat(
            "information-disclosure",
            "Information disclosure",
            Critical,
            Negligible,
        ),
        threat(
            "remote-code-execution",
            "Remote code execution",
            Critical,
            Negligible,
        ),
        threat("denial-of-service", "Denial of service", Medium, Low),
    ],
    page: include_str!("../../assets/strategies/debug-mode.md"),
};

pub static SECRET_KEY: Strategy = Strategy {
    id: "secret-key",
    title: "Manage the secret key securely",
    subject: "fix(security): take the secret key out of the code",
    threats: &[
        Threat {
            unless: Some(("secret-key-rotation", Medium)),
            ..threat("session-hijacking", "Session hijacking", Critical, Low)
        },
        threat("csrf", "Cross-site request forgery", High, Low),
        threat("data-tampering", "Data tampering", High, Low),
    ],
    page: include_str!("../../assets/strategies/secret-key.md"),
};

pub static FILE_HANDLING: Strategy = Strategy {
    id: "file-handling",
    title: "Handle files safely",
    subject: "fix(security): keep file access inside its folders",
    threats: &[
        threat(
            "directory-traversal",
            "Directory traversal",
            Critical,
            Negligible,
        ),
        threat(
            "information-disclosure",
            "Information disclosure",
            High,
            Low,
        ),
    ],
    page: include_str!("../../assets/strategies/file-handling.md"),
};

pub static TEMPLATE_RENDERING: Strategy = Strategy {
    id: "template-rendering",
    title: "Render templates securely",
    subject: "fix(security): keep request values out of templates and markup",
    threats: &[
        threat(
            "template-injection",
            "Server-side template injection",
            Critical,
            Negligible,
        ),
        threat("cross-site-scripting", "Cross-site scripting", High, Low),
    ],
    page: include_str!("../../assets/strategies/template-rendering.md"),
};

pub static SESSION_MANAGEMENT: Strategy = Strategy {
    id: "session-management",
    title: "Keep sessions on the server",
    subject: "fix(security): harden sessions and their cookies",
    threats: &[
        threat(
            "session-data-exposure",
            "Session data exposure",
            Medium,
            Negligible,
        ),
        threat("session-hijacking", "Session hijacking", High, Medium),
        threat("csrf", "Cross-site request forgery", High, Low),
    ],
    page: include_str!("../../assets/strategies/session-management.md"),
};

pub static DEPENDENCY_UPDATES: Strategy = Strategy {
    id: "dependency-updates",
    title: "Keep Flask and Werkzeug updated",
    subject: "fix(security): move to releases without known vulnerabilities",
    threats: &[threat(
        "known-vulnerabilities",
        "Exploitation of known vulnerabilities",
        Critical,
        Low,
    )],
    page: include_str!("../../assets/strategies/dependency-updates.md"),
};

/// All six, in the order in which they are shown and committed.
pub static STRATEGIES: [&Strategy; 6] = [
    &DEBUG_MODE,
    &SECRET_KEY,
    &FILE_HANDLING,
    &TEMPLATE_RENDERING,
    &SESSION_MANAGEMENT,
    &DEPENDENCY_UPDATES,
];

/// The strategy of that id.
pub fn by_id(id: &str) -> Option<&'static Strategy> {
    STRATEGIES.into_iter().find(|strategy| strategy.id == id)
}
