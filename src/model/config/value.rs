//! What a configuration key is set to, as far as static reading tells.

use std::fmt;

use crate::text::Location;

/// A Python constant.
#[derive(Debug, Clone, PartialEq)]
pub enum Literal {
    Str(String),
    Bytes(Vec<u8>),
    Int(i64),
    Float(f64),
    Bool(bool),
    None,
    /// A `timedelta`, in seconds.
    Seconds(f64),
    /// A list, tuple or set of constants.
    List(Vec<Self>),
}

impl Literal {
    /// Python's truth value.
    pub fn is_truthy(&self) -> bool {
        match self {
            Self::Str(text) => !text.is_empty(),
            Self::Bytes(bytes) => !bytes.is_empty(),
            Self::Int(number) => *number != 0,
            Self::Float(number) | Self::Seconds(number) => *number != 0.0,
            Self::Bool(value) => *value,
            Self::None => false,
            Self::List(items) => !items.is_empty(),
        }
    }

    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Str(text) => Some(text),
            _ => None,
        }
    }

    /// A duration in seconds: numbers and `timedelta`s, as Flask reads a session's lifetime.
    pub fn as_seconds(&self) -> Option<f64> {
        match self {
            #[expect(clippy::cast_precision_loss, reason = "lifetimes are far below 2^52 s")]
            Self::Int(number) => Some(*number as f64),
            Self::Float(number) | Self::Seconds(number) => Some(*number),
            _ => None,
        }
    }
}

impl fmt::Display for Literal {
    /// As Python would write it. Secrets are shown: mask before printing.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Str(text) => write!(f, "{text:?}"),
            Self::Bytes(bytes) => write!(f, "b{:?}", String::from_utf8_lossy(bytes)),
            Self::Int(number) => write!(f, "{number}"),
            Self::Float(number) => write!(f, "{number}"),
            Self::Bool(true) => f.write_str("True"),
            Self::Bool(false) => f.write_str("False"),
            Self::None => f.write_str("None"),
            Self::Seconds(seconds) => write!(f, "timedelta(seconds={seconds})"),
            Self::List(items) => {
                f.write_str("[")?;
                for (index, item) in items.iter().enumerate() {
                    let comma = if index == 0 { "" } else { ", " };
                    write!(f, "{comma}{item}")?;
                }
                f.write_str("]")
            }
        }
    }
}

/// The abstract value of an expression.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Known(Literal),
    /// Read from the environment.
    Env(EnvRead),
    /// Made anew in every process, by the named function ("os.urandom").
    Random(String),
    /// Read from a file, a database or a service, by the named function ("open").
    Store(String),
    /// Read from a configuration file that the code names.
    Entry(FileEntry),
    /// One of two, by a condition that is not known; its source text.
    Choice {
        condition: String,
        then: Box<Self>,
        otherwise: Box<Self>,
    },
    /// Static reading cannot tell; why.
    Unknown(String),
}

/// What `json.load(open("config.json"))["flask"]` gives: a place in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileEntry {
    /// As the code names them; the last one that has the key counts.
    pub files: Vec<Box<str>>,
    /// The keys that lead to it, outermost first; none for the file as a whole.
    pub keys: Vec<String>,
    /// What reads it ("yaml.safe_load").
    pub how: String,
    /// The sections that are laid over each other, lowest first (dynaconf); none elsewhere.
    pub layers: Vec<String>,
    /// The prefix of the variables that win over the file (dynaconf).
    pub prefix: Option<String>,
}

impl FileEntry {
    pub(super) fn of_file(path: &str, how: &str) -> Self {
        Self {
            files: vec![path.into()],
            keys: Vec::new(),
            how: how.to_owned(),
            layers: Vec::new(),
            prefix: None,
        }
    }

    #[must_use]
    pub(super) fn below(&self, key: &str) -> Self {
        let mut below = self.clone();
        below.keys.push(key.to_owned());
        below
    }
}

/// `os.environ.get("NAME", default)` and its relatives.
#[derive(Debug, Clone, PartialEq)]
pub struct EnvRead {
    pub name: String,
    /// What is used when the variable is not set: the second argument, or what follows `or`.
    pub default: Option<Literal>,
    /// The default's expression.
    pub default_at: Option<Location>,
    /// An absent variable raises (`os.environ["NAME"]`).
    pub required: bool,
    pub conversion: Conversion,
    /// `not` stands in front of it.
    pub negated: bool,
    /// The reading expression.
    pub location: Location,
}

/// What is made of the variable's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Conversion {
    /// The text itself: any non-empty text is true, "False" and "0" as well (facts 1.3).
    None,
    /// `bool(text)`: the same trap.
    Truthiness,
    /// A parser that knows words: `env.bool`, `strtobool`, `cast=bool`.
    Bool,
    Int,
    /// Equal to, or among, these; `lowered` when the text is lower-cased before.
    Compare {
        to: Vec<String>,
        lowered: bool,
    },
    /// Whether it is set at all: `is not None`, `in os.environ`.
    Present,
    /// A function of the project or a library that is not known here.
    Parser(String),
}

impl EnvRead {
    /// The value when the variable is set to `text`, or not set.
    pub fn with(&self, text: Option<&str>) -> Option<Literal> {
        let default = match (&self.default, self.required) {
            (Some(default), _) => default.clone(),
            (None, true) => return None,
            (None, false) => Literal::None,
        };
        let raw = text.map_or(default, |text| Literal::Str(text.to_owned()));
        let converted = self.converted(raw)?;
        Some(if self.negated {
            Literal::Bool(!converted.is_truthy())
        } else {
            converted
        })
    }

    fn converted(&self, raw: Literal) -> Option<Literal> {
        match &self.conversion {
            Conversion::None => Some(raw),
            Conversion::Truthiness => Some(Literal::Bool(raw.is_truthy())),
            Conversion::Bool => match raw {
                Literal::Str(text) => word_to_bool(&text).map(Literal::Bool),
                other => Some(Literal::Bool(other.is_truthy())),
            },
            Conversion::Int => match raw {
                Literal::Str(text) => text.trim().parse().ok().map(Literal::Int),
                Literal::Bool(value) => Some(Literal::Int(i64::from(value))),
                other => Some(other),
            },
            Conversion::Compare { to, lowered } => {
                let text = match &raw {
                    Literal::Str(text) => text.clone(),
                    Literal::None => return Some(Literal::Bool(false)),
                    other => other.to_string(),
                };
                let text = if *lowered { text.to_lowercase() } else { text };
                Some(Literal::Bool(to.contains(&text)))
            }
            Conversion::Present => Some(Literal::Bool(raw != Literal::None)),
            Conversion::Parser(_) => match raw {
                // Parsers of booleans keep a boolean default as it is.
                Literal::Bool(_) => Some(raw),
                _ => None,
            },
        }
    }

    /// Whether a text that reads as "off" turns the value on (facts 1.3).
    pub fn is_string_trap(&self) -> bool {
        matches!(self.conversion, Conversion::None | Conversion::Truthiness)
    }
}

/// The words that strtobool, environs and decouple agree on.
fn word_to_bool(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "y" | "yes" | "t" | "true" | "on" | "1" => Some(true),
        "n" | "no" | "f" | "false" | "off" | "0" | "" => Some(false),
        _ => None,
    }
}

impl Value {
    pub const fn known(&self) -> Option<&Literal> {
        match self {
            Self::Known(literal) => Some(literal),
            _ => None,
        }
    }

    pub const fn env(&self) -> Option<&EnvRead> {
        match self {
            Self::Env(read) => Some(read),
            _ => None,
        }
    }

    pub const fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown(_))
    }

    /// Whether it is, or may be, another one in every process.
    pub(super) fn is_made_anew(&self) -> bool {
        self.leaves()
            .iter()
            .any(|leaf| matches!(leaf, Self::Random(_)))
    }

    /// Every value it may be: itself, or the leaves of its choices.
    pub fn leaves(&self) -> Vec<&Self> {
        match self {
            Self::Choice {
                then, otherwise, ..
            } => {
                let mut leaves = then.leaves();
                leaves.extend(otherwise.leaves());
                leaves
            }
            _ => vec![self],
        }
    }

    pub(super) fn unknown(reason: impl Into<String>) -> Self {
        Self::Unknown(reason.into())
    }
}

impl From<Literal> for Value {
    fn from(literal: Literal) -> Self {
        Self::Known(literal)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::text::Span;

    fn read(conversion: Conversion) -> EnvRead {
        EnvRead {
            name: "DEBUG".into(),
            default: Some(Literal::Bool(false)),
            default_at: None,
            required: false,
            conversion,
            negated: false,
            location: Location::new(&Arc::from("app.py"), Span::at(0)),
        }
    }

    #[test]
    fn a_text_is_true_even_when_it_says_false() {
        let raw = read(Conversion::None).with(Some("False")).unwrap();
        assert!(raw.is_truthy());
        let parsed = read(Conversion::Bool).with(Some("False")).unwrap();
        assert!(!parsed.is_truthy());
        let compared = Conversion::Compare {
            to: vec!["true".into()],
            lowered: true,
        };
        assert!(
            read(compared.clone())
                .with(Some("TRUE"))
                .unwrap()
                .is_truthy()
        );
        assert!(!read(compared).with(None).unwrap().is_truthy());
        assert!(!read(Conversion::None).with(None).unwrap().is_truthy());
    }
}
