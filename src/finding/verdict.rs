//! What a control says of an application.

use std::sync::Arc;

use super::{Confidence, Severity};
use crate::text::{Location, Span};

/// A control's answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// The control is in place; the evidence says where.
    Implemented { evidence: Vec<Evidence> },
    /// The control is missing, or has holes; each finding is one of them. Never empty.
    Missing {
        findings: Vec<Finding>,
        /// What is in place all the same.
        evidence: Vec<Evidence>,
    },
    /// The control has nothing to protect here.
    NotApplicable { reason: String },
    /// Static reading cannot tell; the question is for a person.
    Undecided {
        question: String,
        evidence: Vec<Evidence>,
    },
}

impl Verdict {
    /// `Missing` when there are findings, else `Implemented` with `evidence`.
    pub fn from_findings(findings: Vec<Finding>, evidence: Vec<Evidence>) -> Self {
        if findings.is_empty() {
            return Self::Implemented { evidence };
        }
        Self::Missing { findings, evidence }
    }

    pub fn not_applicable(reason: impl Into<String>) -> Self {
        Self::NotApplicable {
            reason: reason.into(),
        }
    }

    pub fn undecided(question: impl Into<String>) -> Self {
        Self::Undecided {
            question: question.into(),
            evidence: Vec::new(),
        }
    }

    pub fn findings(&self) -> &[Finding] {
        match self {
            Self::Missing { findings, .. } => findings,
            _ => &[],
        }
    }

    pub fn evidence(&self) -> &[Evidence] {
        match self {
            Self::Implemented { evidence }
            | Self::Missing { evidence, .. }
            | Self::Undecided { evidence, .. } => evidence,
            Self::NotApplicable { .. } => &[],
        }
    }

    /// The word of the JSON contract.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Implemented { .. } => "implemented",
            Self::Missing { .. } => "missing",
            Self::NotApplicable { .. } => "not-applicable",
            Self::Undecided { .. } => "undecided",
        }
    }
}

/// A line that proves that a control is in place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    pub location: Location,
    /// What the line proves, as half a sentence ("sets SESSION_COOKIE_SECURE to True").
    pub note: String,
}

impl Evidence {
    pub fn new(location: Location, note: impl Into<String>) -> Self {
        Self {
            location,
            note: note.into(),
        }
    }
}

/// One place, or one absence, that falls short of a control.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// The control's id.
    pub control: &'static str,
    pub location: Location,
    pub severity: Severity,
    pub confidence: Confidence,
    /// "Nothing does this anywhere": the location is then the best place to add it.
    pub absent: bool,
    /// Whether what production starts can get here, as far as the repository tells.
    pub reachable: bool,
    /// What is wrong here and what an attacker gains, in one or two sentences.
    pub message: String,
    /// From source to sink, where the finding rests on a flow.
    pub flow: Vec<FlowStep>,
    /// What tells this finding from another of the same control on the same line text.
    /// Part of the fingerprint: a setting's key, a sink's name. May be empty.
    pub subject: String,
    /// Secrets that must never be shown: masked wherever text of `location` is printed.
    pub secrets: Vec<Location>,
}

impl Finding {
    /// A present, reachable finding of high confidence without a flow.
    pub fn new(
        control: &'static str,
        location: Location,
        severity: Severity,
        message: impl Into<String>,
    ) -> Self {
        Self {
            control,
            location,
            severity,
            confidence: Confidence::High,
            absent: false,
            reachable: true,
            message: message.into(),
            flow: Vec::new(),
            subject: String::new(),
            secrets: Vec::new(),
        }
    }

    /// "Nothing does this anywhere; `location` is the best place to add it."
    #[must_use]
    pub fn absent(mut self) -> Self {
        self.absent = true;
        self
    }

    /// Production cannot get here: one severity lower, and `because` says why.
    #[must_use]
    pub fn unreachable(mut self, because: &str) -> Self {
        self.reachable = false;
        self.severity = self.severity.lowered();
        self.message = format!("{} {because}", self.message);
        self
    }

    #[must_use]
    pub fn confidence(mut self, confidence: Confidence) -> Self {
        self.confidence = confidence;
        self
    }

    #[must_use]
    pub fn flow(mut self, flow: Vec<FlowStep>) -> Self {
        self.flow = flow;
        self
    }

    #[must_use]
    pub fn subject(mut self, subject: impl Into<String>) -> Self {
        self.subject = subject.into();
        self
    }

    #[must_use]
    pub fn secret(mut self, location: Location) -> Self {
        self.secrets.push(location);
        self
    }

    pub fn path(&self) -> &Arc<str> {
        &self.location.path
    }

    pub const fn span(&self) -> Span {
        self.location.span
    }
}

/// One step of a value's way from the client to a sink.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlowStep {
    pub location: Location,
    /// "read from request.args", "joined into a path", "passed to open()".
    pub note: String,
}
