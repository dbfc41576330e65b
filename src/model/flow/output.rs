//! What the analysis says: plain data for controls and patches.

use crate::finding::{Confidence, FlowStep};
use crate::text::{Location, Span};

use super::facts::Facts;

/// Every sink that evaluation reached, in the order of path and place.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Flows {
    pub calls: Vec<SinkCall>,
    pub undecided: Vec<Undecided>,
}

impl Flows {
    /// The calls of one kind of sink, in the order of their places.
    pub fn of_sink(&self, wanted: impl Fn(&Sink) -> bool) -> impl Iterator<Item = &SinkCall> {
        self.calls.iter().filter(move |call| wanted(&call.sink))
    }
}

/// One sink expression that was reached, also when all is well with it.
#[derive(Debug, Clone, PartialEq)]
pub struct SinkCall {
    pub sink: Sink,
    /// The sink as the source calls it, dotted and through aliases: `flask.send_file`.
    pub name: String,
    /// The call, or for [`Sink::HtmlResponse`] the returned expression where no call makes
    /// the response.
    pub call: Location,
    /// The expression that the sink takes.
    pub argument: Span,
    /// The `def` (or `lambda`) around the call.
    pub function: Option<Span>,
    pub outcome: Outcome,
    /// One way of a tainted (else of a sanitized) piece, from source to sink.
    pub steps: Vec<FlowStep>,
    /// Checks on the way that do not hold.
    pub weak_checks: Vec<WeakCheck>,
    pub confidence: Confidence,
    /// Where the worst piece stands, for HTML.
    pub html_context: Option<HtmlContext>,
    /// The folder expression in front of the client's part, where the argument shows it:
    /// `BASE` in `os.path.join(BASE, name)`, `BASE / name`, `f"{BASE}/{name}"`.
    pub base: Option<Span>,
    /// Constant text stands in front of every client value.
    pub has_prefix: bool,
}

impl SinkCall {
    pub const fn is_tainted(&self) -> bool {
        matches!(self.outcome, Outcome::Tainted { .. })
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Sink {
    /// The file of `flask.send_file`.
    SendFile,
    /// The folder of `flask.send_from_directory`.
    SendDirectoryBase,
    /// The name given to `flask.send_from_directory`: safe by itself, listed as evidence.
    SendDirectoryName,
    /// A path that is opened, changed or listed.
    File(FileOperation),
    /// `FileStorage.save`.
    UploadSave,
    /// Template source: `render_template_string`, `jinja2.Template`, `from_string`.
    TemplateSource,
    /// A template's name.
    TemplateName,
    /// `Markup(…)`.
    Markup,
    /// What a view returns as HTML.
    HtmlResponse,
    /// A variable handed to a template. `template` is its name where constant; for an inline
    /// template, `inline` is the place of its source. `field` are the keys, joined with dots,
    /// under which the value lies in a mapping (of mappings, of lists): "back", "links.href".
    TemplateVariable {
        template: Option<String>,
        inline: Option<Location>,
        variable: String,
        field: Option<String>,
    },
    /// The value of `set_cookie`.
    CookieValue,
}

impl Sink {
    /// Whether the argument is a path on the server's disk.
    pub const fn takes_path(&self) -> bool {
        matches!(
            self,
            Self::SendFile | Self::SendDirectoryBase | Self::File(_) | Self::UploadSave
        )
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FileOperation {
    Read,
    Write,
    Delete,
    List,
    /// Reading or extracting an archive.
    Archive,
    /// `exists`, `isfile`, `stat`: tells only whether something is there.
    Probe,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// No client value arrives.
    Clean,
    /// Client values arrive, all of them made harmless for this sink.
    Sanitized {
        by: Location,
        how: String,
    },
    Tainted {
        pieces: Vec<TaintPiece>,
    },
}

/// A client value that arrives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaintPiece {
    pub source: Location,
    /// `request.args.get("name")`, "the URL parameter `name`".
    pub source_text: String,
    /// The expression inside the sink's argument that carries the value, where visible there.
    pub span: Option<Span>,
    /// The expression through which the value became part of the larger text (an f-string's
    /// interpolation, an argument of `os.path.join`), possibly in another file.
    pub inserted: Option<Location>,
    /// Every such expression on its way, the first one first: `inserted` is the last of them.
    pub insertions: Vec<Location>,
    /// What is known of it all the same.
    pub has: Facts,
    /// A parameter that templates fill: a client's where they hand over something of a client's.
    pub given: Option<Given>,
}

/// An argument of a filter or a function of the application, as templates call it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// The name that templates use.
    pub function: String,
    pub is_filter: bool,
    /// Of a filter, 0 is what it is applied to.
    pub index: usize,
    pub parameter: String,
}

/// A check that looks like containment and is none.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct WeakCheck {
    pub location: Location,
    pub why: String,
}

/// The name of [`SinkCall`]s whose variable every template sees.
pub const CONTEXT_PROCESSOR: &str = "context_processor";

/// Where in HTML a value lands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HtmlContext {
    Text,
    QuotedAttribute,
    /// The value starts an `href`, `src`, `action`: `javascript:` is possible.
    UrlAttribute,
    UnquotedAttribute,
    Script,
    /// Code in an attribute (`onclick`, `href="javascript:…"`): escapes are undone before it runs.
    Handler,
}

/// A place where the analysis gave up.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Undecided {
    pub location: Location,
    pub why: String,
}
