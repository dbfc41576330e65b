//! HTML as a browser reads it, fed in parts, so that templates can be followed: where a value
//! lands, and which tags a page has.
//!
//! Only what decides over contexts is known: tags, attributes and their quotes, comments, and
//! elements whose content is no HTML. A state can be cloned and taken up again, for branches.

mod script;

use script::{Mode, Script};

use crate::text::Span;

/// Where a value lands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    Text,
    /// In a tag, outside attribute values.
    Tag,
    Attribute(Value),
    /// Inside `<script>`.
    Script(Js),
    Style,
    Comment,
    /// Inside `<script type="application/json">` and the like: not run.
    Data,
}

/// An attribute's value that a template's value becomes part of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value {
    /// The element, in lower case; empty where a template's value makes the name.
    pub element: String,
    /// In lower case.
    pub attribute: String,
    pub quote: Option<char>,
    /// Where the value starts, behind the quote.
    pub start: usize,
}

/// A place in JavaScript.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Js {
    Code,
    /// In a string, by its quote.
    Text(char),
    Comment,
}

/// A start tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    /// In lower case.
    pub name: String,
    /// From `<` to behind `>`.
    pub span: Span,
    /// Behind the name: where an attribute can be added.
    pub name_end: usize,
    pub attributes: Vec<Attribute>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// In lower case.
    pub name: String,
    pub name_start: usize,
    /// Without quotes; `None` where there is none.
    pub value: Option<Span>,
}

impl Tag {
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|it| it.name == name)
    }
}

/// More attributes than any tag has: the rest is passed over.
const MAX_ATTRIBUTES: usize = 128;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scanner {
    state: State,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    Text,
    /// Behind `<`.
    Opening(usize),
    Tag(OpenTag),
    /// An end tag or a declaration: up to `>`.
    Skip,
    Comment,
    /// Up to the element's end tag.
    Raw(Raw),
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct OpenTag {
    tag: Tag,
    part: Part,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    ElementName,
    Between,
    AttributeName,
    /// Behind `=`.
    BeforeValue,
    Value {
        quote: Option<u8>,
        start: usize,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Raw {
    Script(Script),
    Data,
    Style,
    Textarea,
    Title,
}

impl Default for Scanner {
    fn default() -> Self {
        Self { state: State::Text }
    }
}

impl Scanner {
    /// In front of a page.
    pub fn new() -> Self {
        Self::default()
    }

    /// Inside a script: what a template that is included there is fed to.
    pub const fn in_script() -> Self {
        let script = Script {
            mode: Mode::Code,
            last: b';',
        };
        Self {
            state: State::Raw(Raw::Script(script)),
        }
    }

    /// Reads `source[span]`, and adds the tags that end in it.
    pub fn text(&mut self, source: &str, span: Span, tags: &mut Vec<Tag>) {
        let bytes = source.as_bytes();
        let end = span.end.min(bytes.len());
        let mut at = span.start;
        while at < end {
            at = self.step(source, at, end, tags);
        }
    }

    /// A value of a template stands at `span`.
    pub fn hole(&mut self, span: Span) -> Place {
        match &mut self.state {
            State::Text | State::Skip => Place::Text,
            State::Opening(start) => {
                let tag = Tag {
                    name: String::new(),
                    span: Span::new(*start, span.end),
                    name_end: span.end,
                    attributes: Vec::new(),
                };
                let part = Part::ElementName;
                self.state = State::Tag(OpenTag { tag, part });
                Place::Tag
            }
            State::Tag(open) => open.hole(span),
            State::Comment => Place::Comment,
            State::Raw(raw) => match raw {
                Raw::Script(script) => {
                    script.last = b'a';
                    Place::Script(script.mode.place())
                }
                Raw::Data => Place::Data,
                Raw::Style => Place::Style,
                Raw::Textarea | Raw::Title => Place::Text,
            },
        }
    }

    /// Whether the page stands between elements here.
    pub fn is_text(&self) -> bool {
        self.state == State::Text
    }

    /// The state for another file that goes on here: inside the same element's content, but in
    /// no tag, whose offsets would be this file's.
    #[must_use]
    pub fn carried(&self) -> Self {
        match &self.state {
            State::Raw(raw) => Self {
                state: State::Raw(*raw),
            },
            _ => Self::new(),
        }
    }

    /// Takes attributes over that another branch gave the tag that both are in.
    pub fn merge(&mut self, other: &Self) {
        let (State::Tag(mine), State::Tag(theirs)) = (&mut self.state, &other.state) else {
            return;
        };
        if mine.tag.span.start != theirs.tag.span.start {
            return;
        }
        for attribute in &theirs.tag.attributes {
            if mine.tag.attribute(&attribute.name).is_none() {
                mine.tag.attributes.push(attribute.clone());
            }
        }
    }

    /// Reads a bit from `at` on and gives where it ends.
    fn step(&mut self, source: &str, at: usize, end: usize, tags: &mut Vec<Tag>) -> usize {
        let bytes = source.as_bytes();
        match &mut self.state {
            State::Text => match memchr::memchr(b'<', &bytes[at..end]) {
                Some(offset) => {
                    self.state = State::Opening(at + offset);
                    at + offset + 1
                }
                None => end,
            },
            State::Opening(start) => {
                let start = *start;
                self.state = match bytes[at] {
                    b'!' if source[at..end].starts_with("!--") => State::Comment,
                    b'!' | b'?' | b'/' => State::Skip,
                    letter if letter.is_ascii_alphabetic() => {
                        let tag = Tag {
                            name: String::new(),
                            span: Span::at(start),
                            name_end: at,
                            attributes: Vec::new(),
                        };
                        let part = Part::ElementName;
                        self.state = State::Tag(OpenTag { tag, part });
                        return at;
                    }
                    _ => {
                        self.state = State::Text;
                        return at;
                    }
                };
                at + 1
            }
            State::Skip => match memchr::memchr(b'>', &bytes[at..end]) {
                Some(offset) => {
                    self.state = State::Text;
                    at + offset + 1
                }
                None => end,
            },
            State::Comment => match memchr::memmem::find(&bytes[at..end], b"-->") {
                Some(offset) => {
                    self.state = State::Text;
                    at + offset + 3
                }
                None => end,
            },
            State::Raw(raw) => match raw.step(source, at, end) {
                Some(next) => next,
                None => {
                    self.state = State::Skip;
                    at
                }
            },
            State::Tag(open) => {
                if !open.is_closed_by(bytes[at]) {
                    return open.step(source, at, end);
                }
                open.close(at);
                let mut tag = open.tag.clone();
                tag.span = Span::new(tag.span.start, at + 1);
                self.state = content_of(source, &tag).map_or(State::Text, State::Raw);
                tags.push(tag);
                at + 1
            }
        }
    }
}

/// What follows a start tag, where it is no HTML.
fn content_of(source: &str, tag: &Tag) -> Option<Raw> {
    let code = Script {
        mode: Mode::Code,
        last: b';',
    };
    Some(match tag.name.as_str() {
        "script" => {
            let kind = tag.attribute("type").and_then(|it| it.value);
            let kind = kind.and_then(|span| source.get(span.start..span.end));
            match kind.is_none_or(is_script_type) {
                true => Raw::Script(code),
                false => Raw::Data,
            }
        }
        "style" => Raw::Style,
        "textarea" => Raw::Textarea,
        "title" => Raw::Title,
        _ => return None,
    })
}

fn is_script_type(kind: &str) -> bool {
    let kind = kind.trim().to_ascii_lowercase();
    kind.is_empty()
        || kind == "module"
        || kind.contains("javascript")
        || kind.contains("ecmascript")
        || kind.contains("jsx")
        || kind.contains("babel")
        || kind.contains('{')
}

impl OpenTag {
    fn is_closed_by(&self, byte: u8) -> bool {
        byte == b'>' && !matches!(self.part, Part::Value { quote: Some(_), .. })
    }

    fn close(&mut self, at: usize) {
        if let Part::Value { start, .. } = self.part {
            self.end_value(start, at);
        }
    }

    fn end_value(&mut self, start: usize, end: usize) {
        if let Some(attribute) = self.tag.attributes.last_mut() {
            attribute.value = Some(Span::new(start, end));
        }
        self.part = Part::Between;
    }

    fn begin_attribute(&mut self, at: usize) {
        if self.tag.attributes.len() >= MAX_ATTRIBUTES {
            self.tag.attributes.pop();
        }
        self.tag.attributes.push(Attribute {
            name: String::new(),
            name_start: at,
            value: None,
        });
        self.part = Part::AttributeName;
    }

    fn step(&mut self, source: &str, at: usize, end: usize) -> usize {
        let byte = source.as_bytes()[at];
        let is_space = byte.is_ascii_whitespace();
        match self.part {
            Part::ElementName if is_space || byte == b'/' => {
                self.part = Part::Between;
                at + 1
            }
            Part::ElementName => {
                let length = run(source, at, end, |c| {
                    !c.is_ascii_whitespace() && c != '/' && c != '>'
                });
                self.tag
                    .name
                    .push_str(&source[at..at + length].to_ascii_lowercase());
                self.tag.name_end = at + length;
                at + length
            }
            Part::Between if is_space || byte == b'/' => at + 1,
            Part::Between if byte == b'=' && !self.tag.attributes.is_empty() => {
                self.part = Part::BeforeValue;
                at + 1
            }
            Part::Between => {
                self.begin_attribute(at);
                at
            }
            Part::AttributeName if byte == b'=' => {
                self.part = Part::BeforeValue;
                at + 1
            }
            Part::AttributeName if is_space || byte == b'/' => {
                self.part = Part::Between;
                at + 1
            }
            Part::AttributeName => {
                let is_part = |c: char| !c.is_ascii_whitespace() && !"=/>".contains(c);
                let length = run(source, at, end, is_part);
                if let Some(attribute) = self.tag.attributes.last_mut() {
                    let name = source[at..at + length].to_ascii_lowercase();
                    attribute.name.push_str(&name);
                }
                at + length
            }
            Part::BeforeValue if is_space => at + 1,
            Part::BeforeValue => {
                let quote = matches!(byte, b'"' | b'\'').then_some(byte);
                let start = at + usize::from(quote.is_some());
                self.part = Part::Value { quote, start };
                start
            }
            Part::Value {
                quote: Some(quote),
                start,
            } => match memchr::memchr(quote, &source.as_bytes()[at..end]) {
                Some(offset) => {
                    self.end_value(start, at + offset);
                    at + offset + 1
                }
                None => end,
            },
            Part::Value { quote: None, start } => {
                let length = run(source, at, end, |c| !c.is_ascii_whitespace() && c != '>');
                if length == 0 {
                    self.end_value(start, at);
                }
                at + length
            }
        }
    }

    fn hole(&mut self, span: Span) -> Place {
        if self.part == Part::BeforeValue {
            self.part = Part::Value {
                quote: None,
                start: span.start,
            };
        }
        match self.part {
            Part::Value { quote, start } => Place::Attribute(Value {
                element: self.tag.name.clone(),
                attribute: self
                    .tag
                    .attributes
                    .last()
                    .map_or_else(String::new, |it| it.name.clone()),
                quote: quote.map(char::from),
                start,
            }),
            Part::Between => {
                self.begin_attribute(span.start);
                Place::Tag
            }
            _ => Place::Tag,
        }
    }
}

/// How many bytes from `at` on satisfy `wanted`, up to `end`.
fn run(source: &str, at: usize, end: usize, wanted: impl Fn(char) -> bool) -> usize {
    let rest = &source[at..end];
    rest.find(|c| !wanted(c)).unwrap_or(rest.len())
}

impl Raw {
    const fn element(self) -> &'static str {
        match self {
            Self::Script(_) | Self::Data => "script",
            Self::Style => "style",
            Self::Textarea => "textarea",
            Self::Title => "title",
        }
    }

    /// Reads on; nothing where the element's end tag stands.
    fn step(&mut self, source: &str, at: usize, end: usize) -> Option<usize> {
        let bytes = &source.as_bytes()[..end];
        if bytes[at] == b'<' && ends_element(&bytes[at..], self.element()) {
            return None;
        }
        let Self::Script(script) = self else {
            let next = memchr::memchr(b'<', &bytes[at + 1..]);
            return Some(next.map_or(end, |offset| at + 1 + offset));
        };
        Some(script.step(bytes, at))
    }
}

/// Whether `</element` stands in front.
fn ends_element(bytes: &[u8], element: &str) -> bool {
    let Some(name) = bytes.strip_prefix(b"</") else {
        return false;
    };
    name.len() >= element.len() && name[..element.len()].eq_ignore_ascii_case(element.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The place of every `@` in `source`, and the tags.
    fn scan(source: &str) -> (Vec<Place>, Vec<Tag>) {
        let mut scanner = Scanner::new();
        let (mut places, mut tags) = (Vec::new(), Vec::new());
        let mut at = 0;
        for (hole, _) in source.match_indices('@') {
            scanner.text(source, Span::new(at, hole), &mut tags);
            places.push(scanner.hole(Span::new(hole, hole + 1)));
            at = hole + 1;
        }
        scanner.text(source, Span::new(at, source.len()), &mut tags);
        (places, tags)
    }

    fn attribute(element: &str, attribute: &str, quote: Option<char>, start: usize) -> Place {
        Place::Attribute(Value {
            element: element.into(),
            attribute: attribute.into(),
            quote,
            start,
        })
    }

    #[test]
    fn values_have_places() {
        for (source, expected) in [
            ("@<p>@</p>@", vec![Place::Text, Place::Text, Place::Text]),
            ("a < @", vec![Place::Text]),
            ("<a @ href=x>@", vec![Place::Tag, Place::Text]),
            ("<@ id=x>@", vec![Place::Tag, Place::Text]),
            ("<A HREF=@>", vec![attribute("a", "href", None, 8)]),
            (
                "<a href = '/x/@'>@",
                vec![attribute("a", "href", Some('\''), 11), Place::Text],
            ),
            (
                "<a b=\">\" c=x@y d>@",
                vec![attribute("a", "c", None, 11), Place::Text],
            ),
            ("<!-- <a href=@ --> @", vec![Place::Comment, Place::Text]),
            (
                "<style>a{color:@}</style>@",
                vec![Place::Style, Place::Text],
            ),
            (
                "<textarea><b a=@></textarea>@",
                vec![Place::Text, Place::Text],
            ),
            (
                "<script type=\"text/x-template\">@</script>",
                vec![Place::Data],
            ),
            (
                "<script>@;'@';</script>@",
                vec![
                    Place::Script(Js::Code),
                    Place::Script(Js::Text('\'')),
                    Place::Text,
                ],
            ),
            (
                "<script>/*'*/@//'@\n@</SCRIPT>",
                vec![
                    Place::Script(Js::Code),
                    Place::Script(Js::Comment),
                    Place::Script(Js::Code),
                ],
            ),
            (
                "<script>a = /['\"]/; @; b / c; '@'</script>",
                vec![Place::Script(Js::Code), Place::Script(Js::Text('\''))],
            ),
            (
                "<script>`${a}@`</script>",
                vec![Place::Script(Js::Text('`'))],
            ),
            (
                "<br/><img src=/a.png><i title=@ />",
                vec![attribute("i", "title", None, 30)],
            ),
        ] {
            assert_eq!(scan(source).0, expected, "{source}");
        }
    }

    #[test]
    fn tags_have_attributes_with_spans() {
        let source = "<SCRIPT src=\"a.js\" async></script><body onload=go()>";
        let (_, tags) = scan(source);
        let shown: Vec<_> = tags
            .iter()
            .map(|tag| (tag.name.as_str(), &source[tag.span.start..tag.span.end]))
            .collect();
        assert_eq!(
            shown,
            [
                ("script", "<SCRIPT src=\"a.js\" async>"),
                ("body", "<body onload=go()>")
            ]
        );
        let src = tags[0].attribute("src").unwrap().value.unwrap();
        assert_eq!(&source[src.start..src.end], "a.js");
        assert_eq!(tags[0].attribute("async").unwrap().value, None);
        let load = tags[1].attribute("onload").unwrap().value.unwrap();
        assert_eq!(&source[load.start..load.end], "go()");
    }

    #[test]
    fn any_text_is_read_to_its_end() {
        for source in [
            "<",
            "<a",
            "<a b",
            "<a b=",
            "<a b='",
            "<!--",
            "</",
            "<script>'\\",
            "<é>",
            "é<a é=é",
            "<script>é'\\é",
        ] {
            scan(source);
        }
        scan(&"<a b='".repeat(50_000));
        scan(&"<script>/*".repeat(50_000));
    }
}
