//! One requirement in PEP 508's grammar, with byte spans.

use std::str::FromStr as _;

use pep440_rs::VersionSpecifiers;
use pep508_rs::MarkerTree;

use crate::text::Span;

/// A part of a requirement: its text and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    pub text: String,
    pub span: Span,
}

/// `name[extras] specifier ; marker` or `name[extras] @ url ; marker`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    pub span: Span,
    /// As written; see `PackageName` for the normalised form.
    pub name: Piece,
    pub extras: Vec<String>,
    /// Behind the name and the extras: where a first specifier goes.
    pub head_end: usize,
    /// Without the parentheses that old files put around it; absent when any version will do.
    pub specifier: Option<Piece>,
    pub url: Option<Piece>,
    pub marker: Option<Piece>,
}

impl Requirement {
    /// Parses `source`, which begins at `offset` of its file. Errors say what is wrong, as half
    /// a sentence.
    pub fn parse(source: &str, offset: usize) -> Result<Self, String> {
        let piece = |start: usize, end: usize| trimmed(source, start, end, offset);
        let name_end = name_end(source)?;
        let (extras, head_end) = extras(source, name_end)?;
        let rest = source[head_end..].trim_start();
        let rest_start = source.len() - rest.len();
        let mut requirement = Self {
            span: Span::new(offset, offset + source.trim_end().len()),
            name: Piece {
                text: source[..name_end].to_owned(),
                span: Span::new(offset, offset + name_end),
            },
            extras,
            head_end: offset + head_end,
            specifier: None,
            url: None,
            marker: None,
        };
        if rest.starts_with('@') {
            // The `;` of a marker needs a space in front: an address may hold one itself.
            let semicolon = source[rest_start..]
                .find(" ;")
                .map(|at| rest_start + at + 1);
            let end = semicolon.unwrap_or(source.len());
            requirement.url = piece(rest_start + 1, end);
            requirement.marker = marker(source, semicolon, offset)?;
            return match requirement.url {
                Some(_) => Ok(requirement),
                None => Err("no address behind `@`".into()),
            };
        }
        let semicolon = source[rest_start..].find(';').map(|at| rest_start + at);
        let end = semicolon.unwrap_or(source.len());
        requirement.specifier = specifier(source, rest_start, end, offset)?;
        requirement.marker = marker(source, semicolon, offset)?;
        Ok(requirement)
    }
}

fn trimmed(source: &str, start: usize, end: usize, offset: usize) -> Option<Piece> {
    let part = source.get(start..end)?;
    let text = part.trim();
    let start = start + (part.len() - part.trim_start().len());
    (!text.is_empty()).then(|| Piece {
        text: text.to_owned(),
        span: Span::new(offset + start, offset + start + text.len()),
    })
}

fn name_end(source: &str) -> Result<usize, String> {
    let end = source
        .find(|character: char| !(character.is_ascii_alphanumeric() || "._-".contains(character)))
        .unwrap_or(source.len());
    let name = &source[..end];
    let inside = |character: char| character.is_ascii_alphanumeric();
    if name.starts_with(inside) && name.ends_with(inside) {
        return Ok(end);
    }
    Err("no package name".into())
}

/// The extras, and where they end.
fn extras(source: &str, name_end: usize) -> Result<(Vec<String>, usize), String> {
    let rest = &source[name_end..];
    let Some(inner) = rest.trim_start().strip_prefix('[') else {
        return Ok((Vec::new(), name_end));
    };
    let Some(close) = inner.find(']') else {
        return Err("`[` without `]`".into());
    };
    let names = inner[..close].split(',').map(str::trim);
    let names = names.filter(|name| !name.is_empty()).map(str::to_owned);
    let end = source.len() - inner.len() + close + 1;
    Ok((names.collect(), end))
}

fn specifier(
    source: &str,
    start: usize,
    end: usize,
    offset: usize,
) -> Result<Option<Piece>, String> {
    let Some(mut piece) = trimmed(source, start, end, offset) else {
        return Ok(None);
    };
    if let Some(inner) = piece.text.strip_prefix('(') {
        let inner = inner.strip_suffix(')').ok_or("`(` without `)`")?;
        let start = piece.span.start - offset + 1;
        let bare = trimmed(source, start, start + inner.len(), offset);
        let Some(bare) = bare else { return Ok(None) };
        piece = bare;
    }
    if !piece.text.starts_with(['=', '<', '>', '~', '!']) {
        return Err(format!("`{}` is no version specifier", piece.text));
    }
    match VersionSpecifiers::from_str(&piece.text) {
        Ok(_) => Ok(Some(piece)),
        Err(_) => Err(format!("`{}` is no version specifier", piece.text)),
    }
}

fn marker(source: &str, semicolon: Option<usize>, offset: usize) -> Result<Option<Piece>, String> {
    let Some(at) = semicolon else { return Ok(None) };
    let Some(piece) = trimmed(source, at + 1, source.len(), offset) else {
        return Ok(None);
    };
    match MarkerTree::from_str(&piece.text) {
        Ok(_) => Ok(Some(piece)),
        Err(_) => Err(format!("`{}` is no environment marker", piece.text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(source: &str) -> Requirement {
        Requirement::parse(source, 0).unwrap()
    }

    fn specifier_of(source: &str) -> Option<String> {
        parse(source).specifier.map(|piece| piece.text)
    }

    #[test]
    fn the_common_forms() {
        assert_eq!(specifier_of("flask"), None);
        assert_eq!(specifier_of("flask==2.2.5").as_deref(), Some("==2.2.5"));
        assert_eq!(
            specifier_of("Flask (>=2.0,<3)").as_deref(),
            Some(">=2.0,<3")
        );
        assert_eq!(specifier_of("flask ~= 2.2").as_deref(), Some("~= 2.2"));
        assert_eq!(parse("a.b_c-d[x, y]>=1").extras, ["x", "y"]);
        assert_eq!(parse("psycopg[binary]").head_end, 15);
        assert_eq!(
            parse("x; python_version<'3.8'").marker.unwrap().text,
            "python_version<'3.8'"
        );
    }

    #[test]
    fn what_is_none_says_why() {
        for (source, reason) in [
            ("==1.0", "no package name"),
            ("flask 2.2", "`2.2` is no version specifier"),
            ("flask>=", "`>=` is no version specifier"),
            ("flask[async", "`[` without `]`"),
            (
                "flask; python_versio",
                "`python_versio` is no environment marker",
            ),
        ] {
            assert_eq!(Requirement::parse(source, 0).unwrap_err(), reason);
        }
    }
}
