//! A version part rewritten to ask for a newer version, in its own style.

use pep440_rs::Version;

use crate::model::dependencies::{Notation, Specifier};

/// One clause: its sign with the blanks behind it, and its version.
struct Clause<'a> {
    sign: &'a str,
    blanks: &'a str,
    version: &'a str,
}

/// `text` such that `new` is admitted and nothing below it is; pins stay pins, upper bounds keep
/// their meaning ("below the next major version"). None where that cannot be written.
pub fn respecify(text: &str, notation: Notation, new: &Version) -> Option<String> {
    let written = match notation {
        Notation::Poetry => poetry(text, new),
        Notation::Conda => conda(text, new),
        Notation::Pep440 => pep440(text, new),
    }?;
    let read = Specifier::parse(&written, notation);
    (read.admits(new) && read.lowest().as_ref() == Some(new)).then_some(written)
}

fn pep440(text: &str, new: &Version) -> Option<String> {
    let clauses: Vec<Clause<'_>> = text.split(',').filter_map(clause).collect();
    let has_lower = clauses.iter().any(|clause| is_lower(clause.sign));
    let mut parts: Vec<String> = Vec::new();
    if !has_lower {
        parts.push(format!(">={new}"));
    }
    for clause in &clauses {
        for part in renewed(clause, new)? {
            if !parts.contains(&part) {
                parts.push(part);
            }
        }
    }
    let separator = if text.contains(", ") { ", " } else { "," };
    Some(parts.join(separator))
}

fn clause(part: &str) -> Option<Clause<'_>> {
    let part = part.trim();
    let version = part.trim_start_matches(['=', '<', '>', '~', '!']);
    let sign = &part[..part.len() - version.len()];
    let bare = version.trim_start();
    (!bare.is_empty()).then_some(Clause {
        sign,
        blanks: &version[..version.len() - bare.len()],
        version: bare,
    })
}

fn is_lower(sign: &str) -> bool {
    matches!(sign, "==" | "===" | "~=" | ">=" | ">")
}

/// What becomes of one clause; nothing when it falls away.
fn renewed(clause: &Clause<'_>, new: &Version) -> Option<Vec<String>> {
    let Clause {
        sign,
        blanks,
        version,
    } = clause;
    let kept = format!("{sign}{blanks}{version}");
    Some(match *sign {
        "==" if version.ends_with(".*") => vec![format!("~={blanks}{}", full(new))],
        "==" | "===" => vec![format!("{sign}{blanks}{new}")],
        ">=" | ">" => vec![format!(">={blanks}{new}")],
        "~=" if version.matches('.').count() >= 2 => vec![format!("~={blanks}{}", full(new))],
        "~=" => vec![
            format!(">={blanks}{new}"),
            format!("<{blanks}{}", major(new) + 1),
        ],
        "<" | "<=" if admits(&kept, new) => vec![kept],
        "<=" => vec![format!("<={blanks}{new}")],
        "<" => vec![format!("<{blanks}{}", next_bound(version, new))],
        "!=" if admits(&kept, new) => vec![kept],
        "!=" => Vec::new(),
        _ => return None,
    })
}

fn admits(clause: &str, version: &Version) -> bool {
    Specifier::parse(clause, Notation::Pep440).admits(version)
}

/// The bound above `new` as fine as `old` was: `3` becomes `4`, `2.3` becomes `3.2`, and `3.0`,
/// which means the major version, becomes `4.0`.
fn next_bound(old: &str, new: &Version) -> String {
    let numbers: Vec<&str> = old.split('.').collect();
    let means_major = numbers.iter().skip(1).all(|number| *number == "0");
    let zeros = |count: usize| ".0".repeat(count);
    if means_major {
        return format!("{}{}", major(new) + 1, zeros(numbers.len() - 1));
    }
    let minor = new.release().get(1).copied().unwrap_or(0);
    let trailing = numbers.len().saturating_sub(2);
    format!("{}.{}{}", major(new), minor + 1, zeros(trailing))
}

fn major(version: &Version) -> u64 {
    version.release().first().copied().unwrap_or(0)
}

/// With three numbers at least, so that `~=` stays within the minor version.
fn full(version: &Version) -> String {
    match version.release() {
        [major] => format!("{major}.0.0"),
        [major, minor] => format!("{major}.{minor}.0"),
        _ => version.to_string(),
    }
}

fn poetry(text: &str, new: &Version) -> Option<String> {
    let trimmed = text.trim();
    let sign = |sign: char| trimmed.strip_prefix(sign).is_some();
    if trimmed == "*" {
        return Some(format!(">={new}"));
    }
    if trimmed.contains([',', ' ']) || trimmed.contains("~=") {
        return pep440(trimmed, new);
    }
    if sign('^') {
        return Some(format!("^{new}"));
    }
    if sign('~') || trimmed.ends_with(".*") {
        return Some(format!("~{new}"));
    }
    if trimmed.starts_with(|character: char| character.is_ascii_digit()) {
        return Some(new.to_string());
    }
    pep440(trimmed, new)
}

fn conda(text: &str, new: &Version) -> Option<String> {
    if text.starts_with("==") || text.starts_with(['<', '>', '!', '~']) {
        return pep440(text, new);
    }
    if text.starts_with('=') {
        return Some(format!("={new}"));
    }
    text.starts_with(|character: char| character.is_ascii_digit())
        .then(|| new.to_string())
}

#[cfg(test)]
mod tests {
    use std::str::FromStr as _;

    use super::*;

    fn to(new: &str, text: &str, notation: Notation) -> Option<String> {
        respecify(text, notation, &Version::from_str(new).unwrap())
    }

    #[test]
    fn the_style_is_kept() {
        for (old, new) in [
            ("==2.2.5", "==3.1.3"),
            ("== 2.2.5", "== 3.1.3"),
            ("===2.2.5", "===3.1.3"),
            (">=2.2", ">=3.1.3"),
            (">2.2", ">=3.1.3"),
            (">=2.2,<3", ">=3.1.3,<4"),
            (">=2.2, <3.0", ">=3.1.3, <4.0"),
            (">=2.2,<2.3", ">=3.1.3,<3.2"),
            (">=2.2,<4", ">=3.1.3,<4"),
            ("<3", ">=3.1.3,<4"),
            ("<=2.3.3", ">=3.1.3,<=3.1.3"),
            ("~=2.2.0", "~=3.1.3"),
            ("~=2.2", ">=3.1.3,<4"),
            ("==2.2.*", "~=3.1.3"),
            (">=2.0,!=2.2.3", ">=3.1.3,!=2.2.3"),
            ("!=3.1.3", ">=3.1.3"),
        ] {
            assert_eq!(
                to("3.1.3", old, Notation::Pep440).as_deref(),
                Some(new),
                "{old}"
            );
        }
        assert_eq!(
            to("23.0.0", ">=19,<20", Notation::Pep440).as_deref(),
            Some(">=23.0.0,<24")
        );
    }

    #[test]
    fn poetry_and_conda_keep_their_signs() {
        for (old, new) in [
            ("^2.2", "^3.1.3"),
            ("~2.2", "~3.1.3"),
            ("2.2.5", "3.1.3"),
            ("2.2.*", "~3.1.3"),
            ("*", ">=3.1.3"),
            (">=2.2,<3", ">=3.1.3,<4"),
            ("==2.2.5", "==3.1.3"),
        ] {
            assert_eq!(
                to("3.1.3", old, Notation::Poetry).as_deref(),
                Some(new),
                "{old}"
            );
        }
        assert_eq!(to("3.1.3", "^2 || ^3", Notation::Poetry), None);
        assert_eq!(
            to("3.1.3", "=2.2.5", Notation::Conda).as_deref(),
            Some("=3.1.3")
        );
        assert_eq!(
            to("3.1.3", "==2.2.5", Notation::Conda).as_deref(),
            Some("==3.1.3")
        );
    }
}
