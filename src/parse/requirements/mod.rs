//! Requirement files: logical lines with byte spans, as pip reads them.
//!
//! The splitter is our own, because PEP 508 parsers reject what only requirement files hold
//! (`--hash`, `-r`, `-e`, continuations). A line that cannot be read is kept and said so.

mod generated;
mod requirement;

pub use generated::{Generated, Generator};
pub use requirement::{Piece, Requirement};

use crate::text::{Span, Text};

/// One requirement file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequirementsFile {
    pub entries: Vec<Entry>,
    /// Which tool wrote the file, where its header says so: then nobody edits it by hand.
    pub generated: Option<Generated>,
}

/// One logical line that says something; blank lines and comments are left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Without the comment, the line end and the indentation.
    pub span: Span,
    pub kind: EntryKind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryKind {
    /// A package. `hashes` counts its `--hash` options.
    Requirement {
        requirement: Requirement,
        hashes: usize,
    },
    /// `-r FILE`
    Include(String),
    /// `-c FILE`
    Constraint(String),
    /// `-e TARGET`
    Editable(String),
    /// A path or an address without a name.
    Source(String),
    /// Any other option (`--index-url …`), as written.
    Option(String),
    /// Not understood, with the reason.
    Unknown(String),
}

impl RequirementsFile {
    pub fn parse(text: &Text) -> Self {
        let lines = logical_lines(text);
        Self {
            entries: lines.iter().filter_map(entry).collect(),
            generated: Generated::from_header(text.as_str()),
        }
    }

    /// Whether pip will refuse a requirement of this file that has no hash.
    pub fn is_hashed(&self) -> bool {
        self.entries.iter().any(|entry| match &entry.kind {
            EntryKind::Requirement { hashes, .. } => *hashes > 0,
            EntryKind::Option(option) => option.starts_with("--require-hashes"),
            _ => false,
        })
    }
}

/// A logical line: as long as the original in bytes, so that offsets stay true, with the
/// continuations and the comment blanked.
struct Logical {
    start: usize,
    content: String,
}

fn logical_lines(text: &Text) -> Vec<Logical> {
    let mut lines: Vec<Logical> = Vec::new();
    let mut open = false;
    let source = text.as_str();
    let mut offset = 0;
    for raw in source.split_inclusive('\n') {
        let body = raw.trim_end_matches(['\n', '\r']);
        let continues = body.ends_with('\\') && !body.trim_start().starts_with('#');
        let mut content = without_comment(body);
        if continues && content.ends_with('\\') {
            content.truncate(content.len() - 1);
        }
        content.extend(std::iter::repeat_n(' ', raw.len() - content.len()));
        match lines.last_mut().filter(|_| open) {
            Some(line) => line.content.push_str(&content),
            None => lines.push(Logical {
                start: offset,
                content,
            }),
        }
        open = continues;
        offset += raw.len();
    }
    lines
}

/// `#` opens a comment at the start of a line or behind whitespace.
fn without_comment(line: &str) -> String {
    let opens = |at: usize| {
        let before = line[..at].chars().next_back();
        before.is_none_or(|character| character.is_whitespace() || character == '\u{feff}')
    };
    let cut = line
        .match_indices('#')
        .map(|(at, _)| at)
        .find(|at| opens(*at));
    line[..cut.unwrap_or(line.len())].to_owned()
}

fn entry(line: &Logical) -> Option<Entry> {
    let marked = line.content.trim_start_matches('\u{feff}');
    let content = marked.trim();
    if content.is_empty() {
        return None;
    }
    let lead = line.content.len() - marked.len() + (marked.len() - marked.trim_start().len());
    let start = line.start + lead;
    Some(Entry {
        span: Span::new(start, start + content.len()),
        kind: kind(content, start),
    })
}

fn kind(content: &str, start: usize) -> EntryKind {
    if content.starts_with('-') {
        return option(content);
    }
    let (body, options) = split_options(content);
    if is_source(body) {
        return EntryKind::Source(body.to_owned());
    }
    match Requirement::parse(body, start) {
        Ok(requirement) => EntryKind::Requirement {
            requirement,
            hashes: options.matches("--hash").count(),
        },
        Err(reason) => EntryKind::Unknown(reason),
    }
}

fn option(content: &str) -> EntryKind {
    let value = |names: [&str; 2]| argument(content, names);
    if let Some(path) = value(["-r", "--requirement"]) {
        return EntryKind::Include(path);
    }
    if let Some(path) = value(["-c", "--constraint"]) {
        return EntryKind::Constraint(path);
    }
    if let Some(target) = value(["-e", "--editable"]) {
        return EntryKind::Editable(target);
    }
    EntryKind::Option(content.to_owned())
}

/// The value of a short or long option: `-r x`, `-rx`, `--requirement x`, `--requirement=x`.
fn argument(content: &str, [short, long]: [&str; 2]) -> Option<String> {
    let rest = match content.strip_prefix(long) {
        Some(rest) if rest.starts_with([' ', '\t', '=']) => rest.trim_start_matches(['=']),
        Some(_) => return None,
        None => content.strip_prefix(short)?,
    };
    let value = rest.trim().trim_matches(['"', '\'']);
    (!value.is_empty() && !rest.starts_with('-')).then(|| value.to_owned())
}

/// The requirement and, behind whitespace, its options (`--hash=…`).
fn split_options(content: &str) -> (&str, &str) {
    let at = content
        .match_indices(" --")
        .chain(content.match_indices("\t--"))
        .map(|(at, _)| at)
        .min();
    match at {
        Some(at) => (content[..at].trim_end(), &content[at..]),
        None => (content, ""),
    }
}

/// Paths, archives and version control addresses stand without a name.
fn is_source(body: &str) -> bool {
    let head = body.split(['#', ';', ' ']).next().unwrap_or(body);
    if head.starts_with(['.', '/', '~']) {
        return true;
    }
    match head.split_once("://") {
        Some((scheme, _)) => !scheme.contains('@'),
        None => [".whl", ".tar.gz", ".zip"]
            .iter()
            .any(|end| head.ends_with(end)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(source: &str) -> (Text, RequirementsFile) {
        let text = Text::new(source);
        let file = RequirementsFile::parse(&text);
        (text, file)
    }

    fn only(source: &str) -> EntryKind {
        let (_, file) = parse(source);
        assert_eq!(file.entries.len(), 1, "{source:?}");
        file.entries.into_iter().next().unwrap().kind
    }

    #[test]
    fn spans_point_into_the_file() {
        let (text, file) =
            parse("# web\n  Flask[async] == 2.2.5 ; python_version < '3.12'  # pin\n");
        let EntryKind::Requirement { requirement, .. } = &file.entries[0].kind else {
            panic!()
        };
        assert_eq!(text.slice(requirement.name.span), "Flask");
        assert_eq!(
            text.slice(requirement.specifier.as_ref().unwrap().span),
            "== 2.2.5"
        );
        assert_eq!(
            text.slice(requirement.span),
            "Flask[async] == 2.2.5 ; python_version < '3.12'"
        );
        assert_eq!(requirement.extras, ["async"]);
    }

    #[test]
    fn hashes_may_continue_over_lines() {
        let source = "flask==2.2.5 \\\r\n    --hash=sha256:aa \\\r\n    --hash=sha256:bb\r\n    # via x\r\nclick==8.1\r\n";
        let (text, file) = parse(source);
        assert!(file.is_hashed());
        let EntryKind::Requirement {
            requirement,
            hashes,
        } = &file.entries[0].kind
        else {
            panic!()
        };
        assert_eq!(*hashes, 2);
        assert_eq!(text.slice(requirement.span), "flask==2.2.5");
        assert_eq!(file.entries.len(), 2);
    }

    #[test]
    fn a_specifier_may_continue_over_lines() {
        let EntryKind::Requirement { requirement, .. } = only("flask >=2, \\\n  <3\n") else {
            panic!()
        };
        assert_eq!(requirement.specifier.unwrap().text, ">=2,     <3");
    }

    #[test]
    fn options_are_told_apart() {
        assert_eq!(
            only("-rbase.txt"),
            EntryKind::Include("base.txt".to_owned())
        );
        assert_eq!(
            only("--requirement=base.txt"),
            EntryKind::Include("base.txt".to_owned())
        );
        assert_eq!(
            only("-c ../constraints.txt"),
            EntryKind::Constraint("../constraints.txt".to_owned())
        );
        assert_eq!(only("-e ."), EntryKind::Editable(".".to_owned()));
        assert!(matches!(
            only("--index-url https://x/"),
            EntryKind::Option(_)
        ));
        assert!(matches!(only("--no-binary :all:"), EntryKind::Option(_)));
        assert!(matches!(only("./vendor/flask"), EntryKind::Source(_)));
        assert!(matches!(
            only("git+https://example.org/x.git@main#egg=flask"),
            EntryKind::Source(_)
        ));
        assert!(matches!(only("flask==="), EntryKind::Unknown(_)));
        assert!(matches!(only("==2.0"), EntryKind::Unknown(_)));
    }

    #[test]
    fn a_hash_sign_inside_an_address_is_no_comment() {
        let EntryKind::Requirement { requirement, .. } =
            only("flask @ https://example.org/flask.zip#sha1=aa ; os_name == 'nt' # x")
        else {
            panic!()
        };
        assert_eq!(
            requirement.url.unwrap().text,
            "https://example.org/flask.zip#sha1=aa"
        );
        assert_eq!(requirement.marker.unwrap().text, "os_name == 'nt'");
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_name() {
        let (text, file) = parse("\u{feff}flask==2.0\n");
        assert_eq!(text.slice(file.entries[0].span), "flask==2.0");
    }
}
