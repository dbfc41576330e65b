//! What is known about a command before its words are read.

use std::rc::Rc;
use std::sync::Arc;

use super::argv::Arg;
use super::files::Judged;
use super::place::{self, Place};
use super::{EnvSetting, EnvValue, Surface, User};
use crate::discover::File;
use crate::parse::mapped::Mapped;
use crate::text::Location;

/// A variable of a script that is not exported.
#[derive(Debug, Clone)]
pub(super) struct ShellVariable {
    pub name: String,
    /// With what it refers to put in.
    pub value: String,
    /// As written, and the file.
    pub origin: Option<(Mapped, Arc<str>)>,
}

/// The surroundings of a command: where it runs, as whom, with which environment.
#[derive(Debug, Clone)]
pub(super) struct Scope {
    pub name: String,
    pub surface: Surface,
    pub judged: Judged,
    pub place: Rc<Place>,
    /// The working folder: absolute in a container, else relative to the checkout.
    pub cwd: String,
    /// The working folder as written somewhere.
    pub chdir: Option<String>,
    pub user: User,
    /// Lowest precedence first.
    pub environment: Vec<EnvSetting>,
    pub via: Vec<Location>,
    /// Configuration files of the server.
    pub configs: Vec<Location>,
    /// What `"$@"` stands for.
    pub arguments: Vec<Arg>,
    /// What `$0` stands for: the word behind the text of `sh -c`.
    pub zeroth: Option<Arg>,
    /// Variables of the script that are not exported.
    pub variables: Vec<ShellVariable>,
    /// The command that the surface is about: it is taken whatever it starts.
    pub main: bool,
    /// The file is ignored by git.
    pub ignored: bool,
    /// It runs once and ends (a Kubernetes Job).
    pub one_shot: bool,
    /// How many scripts have been followed to get here.
    pub depth: usize,
}

impl Scope {
    /// Commands of `file` that run in a checkout, from the folder of the file.
    pub fn checkout(file: &File, surface: Surface, judged: Judged, folder: &str) -> Self {
        Self {
            name: String::new(),
            surface,
            judged,
            place: Rc::new(Place::checkout(folder)),
            cwd: String::new(),
            chdir: None,
            user: User::Unknown,
            environment: Vec::new(),
            via: Vec::new(),
            configs: Vec::new(),
            arguments: Vec::new(),
            zeroth: None,
            variables: Vec::new(),
            main: false,
            ignored: file.ignored,
            one_shot: false,
            depth: 0,
        }
    }

    pub fn named(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    /// The surface's own command: taken whatever it starts.
    pub const fn main(mut self) -> Self {
        self.main = true;
        self
    }

    pub fn change_folder(&mut self, folder: &str) {
        if folder.contains('$') || folder.contains("{{") || folder.contains('`') {
            return;
        }
        self.chdir = Some(folder.to_owned());
        self.cwd = match self.place.is_container() {
            true => place::join(&self.cwd, folder),
            false if folder.starts_with('/') => place::clean(folder),
            false => place::join_relative(&self.cwd, folder),
        };
    }

    /// A setting that stands in a file of this surface.
    pub fn setting(
        &self,
        name: &str,
        value: EnvValue,
        location: Location,
        statement: Location,
    ) -> EnvSetting {
        EnvSetting {
            name: name.to_owned(),
            value,
            location,
            statement,
            surface: self.surface,
            stage: self.judged.stage,
            because: self.judged.because.clone(),
            ignored: self.ignored,
            base64: false,
            build_only: false,
        }
    }

    /// The value of `$NAME`, as far as the files tell.
    pub fn lookup(&self, name: &str) -> Option<String> {
        if let Ok(index) = name.parse::<usize>() {
            let argument = self.arguments.get(index.checked_sub(1)?)?;
            return Some(argument.text().to_owned());
        }
        let own = self.variables.iter().rev().find(|it| it.name == name);
        if let Some(own) = own {
            return Some(own.value.clone());
        }
        let setting = self.environment.iter().rev().find(|it| it.name == name)?;
        setting.literal().map(str::to_owned)
    }

    /// The value of `$NAME` as it is written where the variable is set.
    pub fn origin(&self, name: &str) -> Option<(Mapped, Arc<str>)> {
        if let Some(own) = self.variables.iter().rev().find(|it| it.name == name) {
            return own.origin.clone();
        }
        let setting = self.environment.iter().rev().find(|it| it.name == name)?;
        let text = setting.literal()?;
        let Location { path, span } = &setting.location;
        let verbatim = span.len() == text.len();
        verbatim.then(|| (Mapped::verbatim(text, span.start), Arc::clone(path)))
    }

    /// Text with `$NAME`, `${NAME}` and `${NAME:-default}` replaced where the value is known.
    pub fn expand(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            out.push_str(&rest[..at]);
            let (expansion, behind) = expansion_at(&rest[at..]);
            match self.value_of(expansion) {
                Some(value) => out.push_str(&value),
                None => out.push_str(expansion),
            }
            rest = behind;
        }
        out.push_str(rest);
        out
    }

    /// The value of one `$…`; `None` where nothing tells.
    fn value_of(&self, expansion: &str) -> Option<String> {
        let inner = expansion.strip_prefix('$')?;
        let Some(braced) = inner.strip_prefix('{').and_then(|it| it.strip_suffix('}')) else {
            return self.lookup(inner);
        };
        let end = braced.find(|c: char| !c.is_alphanumeric() && c != '_');
        let (name, operator) = braced.split_at(end.unwrap_or(braced.len()));
        let default = operator
            .strip_prefix(":-")
            .or_else(|| operator.strip_prefix('-'));
        let default = default.or_else(|| operator.strip_prefix(":="));
        match self.lookup(name).filter(|value| !value.is_empty()) {
            Some(value)
                if operator.is_empty() || default.is_some() || operator.starts_with(":?") =>
            {
                Some(value)
            }
            Some(_) => None,
            None => default.map(|default| self.expand(default)),
        }
    }
}

/// Splits text that begins with `$` behind its first expansion.
fn expansion_at(text: &str) -> (&str, &str) {
    let inner = &text[1..];
    let len = match inner.chars().next() {
        Some('{') => matching_brace(inner),
        Some('(') => inner.len(),
        Some(first) if first.is_alphabetic() || first == '_' => inner
            .find(|c: char| !c.is_alphanumeric() && c != '_')
            .unwrap_or(inner.len()),
        Some(first) => first.len_utf8(),
        None => 0,
    };
    text.split_at(1 + len)
}

fn matching_brace(text: &str) -> usize {
    let mut depth = 0usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    text.len()
}

/// The whole of a file as a place.
pub(super) fn whole_file(file: &Arc<File>) -> Location {
    Location::new(&file.path, crate::text::Span::new(0, file.text.len()))
}
