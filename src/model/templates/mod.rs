//! Templates: what each puts out, where in the page, escaped or not, and which of it can be a
//! client's.
//!
//! ```text
//! files ─► names ─► pieces (parse) ─► walk: places, escaping, parts of values ─► client: Flows
//! ```

mod client;
mod escaping;
mod folders;
mod inline;
mod render;
mod value;
mod walk;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

use rayon::prelude::*;

use super::app::Apps;
use super::calls::Calls;
use super::dependencies::Dependencies;
use super::flow::Flows;
use super::modules::{ModuleId, Modules};
use super::names::Names;
use crate::discover::{File, FileKind, Purpose, Repository};
use crate::parse::html::{Place, Scanner, Tag};
use crate::parse::jinja;
use crate::text::{Location, Span};

pub use client::Client;
pub use escaping::{Escaping, Override, OverrideKind, is_escaped_name, is_html_name};
use inline::Inline;
pub use render::Render;
pub use value::{Encoding, Origin, Part};
use walk::{FunctionCall, Locals, MacroCall, Walked};

/// One template of [`Templates`], valid for the value that gave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TemplateId(u32);

impl TemplateId {
    const fn index(self) -> usize {
        self.0 as usize
    }
}

/// Every template that Flask's own environment can load.
#[derive(Debug, Default)]
pub struct Templates {
    list: Vec<Template>,
    by_name: HashMap<String, Vec<TemplateId>>,
    /// Folders that templates are loaded from, relative to the root.
    folders: Vec<String>,
    blueprint_folders: Vec<String>,
    /// `render_template("…")` with a constant name, in the order of files and places.
    pub renders: Vec<Render>,
    /// What the applications change about escaping.
    pub overrides: Vec<Override>,
    macro_calls: Vec<MacroCall>,
    function_calls: Vec<FunctionCall>,
    variables: client::Variables,
    harmless: client::Harmless,
}

/// One template: a file, or a constant that `render_template_string` renders.
///
/// Its spans are relative to its own text: [`Template::location`] gives those of the file.
#[derive(Debug)]
pub struct Template {
    /// The file that holds it: for a constant in the code a Python module.
    pub file: Arc<File>,
    /// The names under which it can be loaded, the shortest first; none for a constant.
    pub names: Vec<String>,
    inline: Option<Inline>,
    pub parsed: Arc<jinja::Template>,
    /// In source order; outputs that never reach a page are left out.
    pub outputs: Vec<Output>,
    /// Start tags, in the order in which they end.
    pub tags: Vec<Tag>,
    /// The templates that it is part of: those that extend or include it.
    users: Vec<User>,
    /// Whether Jinja's own environment setting escapes here.
    pub escaping: Escaping,
}

/// How a template is used by another: the other shares its context.
#[derive(Debug, Clone)]
struct User {
    template: TemplateId,
    /// What the other binds itself at that place.
    locals: Locals,
}

/// One `{{ … }}` that reaches a page.
#[derive(Debug, Clone)]
pub struct Output {
    /// With its delimiters.
    pub span: Span,
    pub expr: Span,
    pub place: Place,
    pub escaping: Escaping,
    /// The values that can make up its text; empty where nothing but the server's can.
    pub parts: Vec<Part>,
}

/// What of the model templates are read with.
#[derive(Debug, Clone, Copy)]
pub struct Stages<'m> {
    pub modules: &'m Modules,
    pub names: &'m Names,
    pub calls: &'m Calls,
    pub apps: &'m Apps,
    pub dependencies: &'m Dependencies,
    pub flows: &'m Flows,
}

impl Templates {
    /// Reads every template of the repository; those of `before` that have not changed are not
    /// parsed again.
    pub fn read(repo: &Repository, stages: &Stages<'_>, before: &Self) -> Self {
        let Stages {
            modules,
            names,
            calls,
            apps,
            dependencies,
            flows,
        } = *stages;
        let mut templates = Self {
            folders: folders::of_apps(modules, apps),
            blueprint_folders: folders::of_blueprints(modules, apps),
            renders: render::find(modules, calls),
            overrides: escaping::overrides(modules, names, apps),
            ..Self::default()
        };
        let syntax = escaping::syntax(modules);
        let old: HashMap<&str, &Template> =
            before.list.iter().map(|it| (&*it.file.path, it)).collect();
        let mut files: Vec<(&Arc<File>, Vec<String>)> = Vec::new();
        let folders = [&*templates.folders, &*templates.blueprint_folders].concat();
        let is_flask =
            !apps.is_empty() || !apps.blueprints.is_empty() || !templates.renders.is_empty();
        for file in repo.of_kind(FileKind::Template).filter(|_| is_flask) {
            let names = folders::names(&folders, &file.path);
            if file.purpose != Purpose::Vendored && !names.is_empty() {
                files.push((file, names));
            }
        }
        let svg = escaping::escapes_svg(dependencies);
        let parsed: Vec<Template> = files
            .into_par_iter()
            .map(|(file, names)| {
                let known = old
                    .get(&*file.path)
                    .filter(|it| Arc::ptr_eq(&it.file, file));
                let parsed = known.map_or_else(
                    || Arc::new(jinja::Template::parse_with(file.text.as_str(), &syntax)),
                    |known| Arc::clone(&known.parsed),
                );
                let escaping = escaping::of_name(&file.path, svg);
                Template::new(Arc::clone(file), names, None, parsed, escaping)
            })
            .collect();
        templates.list = parsed;
        for inline in inline::find(modules, names, calls) {
            let parsed = jinja::Template::parse_with(&inline.text, &syntax);
            let file = Arc::clone(&inline.file);
            let parsed = Arc::new(parsed);
            let template = Template::new(file, Vec::new(), Some(inline), parsed, Escaping::On);
            templates.list.push(template);
        }
        templates.index();
        templates.apply_overrides(apps);
        templates.walk();
        templates.join(modules, names, flows);
        templates
    }

    pub fn iter(&self) -> impl Iterator<Item = (TemplateId, &Template)> {
        (0..).map(TemplateId).zip(&self.list)
    }

    pub fn get(&self, id: TemplateId) -> &Template {
        &self.list[id.index()]
    }

    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The template that holds a place.
    pub fn at(&self, place: &Location) -> Option<(TemplateId, &Template)> {
        self.iter()
            .find(|(_, it)| it.file.path == place.path && it.holds(place.span))
    }

    /// The constant that an argument names.
    fn inline_at(&self, argument: &Location) -> Option<TemplateId> {
        let mut found = self.iter().filter(|(_, it)| {
            let inline = it.inline.iter();
            inline.flat_map(|it| &it.arguments).any(|it| it == argument)
        });
        found.next().map(|(id, _)| id)
    }

    /// The templates that `name` can mean for somebody at `near`: of several, those that lie
    /// closest.
    pub fn find(&self, name: &str, near: &str) -> Vec<TemplateId> {
        let known = self.by_name.get(name.trim_start_matches("./"));
        let mut found = known.cloned().unwrap_or_default();
        let shared = |id: &TemplateId| shared_folders(&self.get(*id).file.path, near);
        let best = found.iter().map(shared).max();
        found.retain(|id| Some(shared(id)) == best);
        found
    }

    /// Whether a view renders the template, by itself or as a part of another.
    pub fn is_rendered(&self, id: TemplateId) -> bool {
        let mut seen = vec![id];
        let mut at = 0;
        while let Some(next) = seen.get(at).copied() {
            let template = self.get(next);
            if self
                .renders
                .iter()
                .any(|render| self.renders_it(render, template))
            {
                return true;
            }
            for user in &template.users {
                if !seen.contains(&user.template) {
                    seen.push(user.template);
                }
            }
            at += 1;
        }
        false
    }

    fn renders_it(&self, render: &Render, template: &Template) -> bool {
        let is_named = render
            .names
            .iter()
            .any(|name| template.names.contains(name));
        is_named
            && render.names.iter().any(|name| {
                let found = self.find(name, &render.call.path);
                found.iter().any(|id| std::ptr::eq(self.get(*id), template))
            })
    }

    /// Whether a template of that name is a page.
    pub fn is_html_named(&self, name: &str) -> bool {
        let found = self.by_name.get(name).into_iter().flatten();
        found.into_iter().any(|id| self.get(*id).is_html())
    }

    /// The constant text that an expression is, directly or through a name.
    pub fn constant(
        &self,
        modules: &Modules,
        names: &Names,
        module: ModuleId,
        expr: &ruff_python_ast::Expr,
    ) -> Option<String> {
        let (_, literal) = self.literal(modules, names, module, expr)?;
        Some(literal.value.to_str().to_owned())
    }

    /// The string literal that an expression is, directly or through a name that is bound once,
    /// and the module that holds it.
    pub fn literal<'m>(
        &self,
        modules: &'m Modules,
        names: &Names,
        module: ModuleId,
        expr: &'m ruff_python_ast::Expr,
    ) -> Option<(ModuleId, &'m ruff_python_ast::ExprStringLiteral)> {
        inline::constant(modules, names, module, expr)
    }

    /// Whether a blueprint brings the template along: other applications may render it too.
    pub fn is_of_blueprint(&self, path: &str) -> bool {
        let mut folders = self.blueprint_folders.iter();
        folders.any(|folder| path.starts_with(&format!("{folder}/")))
    }

    /// The folder that a template for a view in `path` goes to, relative to the root.
    pub fn folder_for(&self, path: &str) -> Option<&str> {
        let shared = |folder: &&String| shared_folders(&format!("{folder}/x"), path);
        self.folders.iter().max_by_key(shared).map(String::as_str)
    }

    fn index(&mut self) {
        for (index, template) in (0..).zip(&self.list) {
            for name in &template.names {
                let known = self.by_name.entry(name.clone()).or_default();
                known.push(TemplateId(index));
            }
        }
    }

    fn apply_overrides(&mut self, apps: &Apps) {
        for template in &mut self.list {
            let path = &template.file.path;
            let of_app = |it: &&Override| it.app.is_none() || it.app == apps.nearest(path);
            let mut in_force = self.overrides.iter().filter(of_app);
            if let Some(it) = in_force.next_back() {
                template.escaping = it.escaping_of(template.escaping.clone());
            }
        }
    }

    fn walk(&mut self) {
        let walked = walk::all(self);
        for (index, result) in (0..).zip(walked) {
            let Walked {
                outputs,
                tags,
                uses,
                macro_calls,
                function_calls,
                ..
            } = result;
            let own = &mut self.list[index];
            own.outputs = outputs;
            own.tags = tags;
            self.macro_calls.extend(macro_calls);
            self.function_calls.extend(function_calls);
            let user = TemplateId(u32::try_from(index).unwrap_or(u32::MAX));
            for (target, locals) in uses {
                self.list[target.index()].users.push(User {
                    template: user,
                    locals,
                });
            }
        }
    }
}

impl Template {
    const fn new(
        file: Arc<File>,
        names: Vec<String>,
        inline: Option<Inline>,
        parsed: Arc<jinja::Template>,
        escaping: Escaping,
    ) -> Self {
        Self {
            file,
            names,
            inline,
            parsed,
            outputs: Vec::new(),
            tags: Vec::new(),
            users: Vec::new(),
            escaping,
        }
    }

    pub fn path(&self) -> &Arc<str> {
        &self.file.path
    }

    /// Whether it is a constant in the code.
    pub const fn is_inline(&self) -> bool {
        self.inline.is_some()
    }

    /// The quote that an attribute added to it can have: one that does not end the literal.
    pub fn quote(&self) -> char {
        let literal = self
            .inline
            .as_ref()
            .map(|it| self.file.text.slice(it.literal));
        let literal = literal.unwrap_or_default();
        let body = literal.trim_start_matches(|c: char| c.is_ascii_alphabetic());
        match body.starts_with('"') && !body.starts_with("\"\"\"") {
            true => '\'',
            false => '"',
        }
    }

    /// Its own text.
    pub fn text(&self) -> &str {
        match &self.inline {
            Some(inline) => &inline.text,
            None => self.file.text.as_str(),
        }
    }

    /// The place in the file.
    pub fn location(&self, span: Span) -> Location {
        let base = self.inline.as_ref().map_or(0, |inline| inline.base);
        Location::new(
            &self.file.path,
            Span::new(base + span.start, base + span.end),
        )
    }

    pub fn source(&self, span: Span) -> &str {
        self.text().get(span.start..span.end).unwrap_or_default()
    }

    fn holds(&self, span: Span) -> bool {
        match &self.inline {
            Some(inline) => inline.literal.contains(span),
            None => true,
        }
    }

    /// Whether what it makes is read as HTML: by its name, or by the tags in it. Mails and
    /// configuration files are not.
    pub fn is_html(&self) -> bool {
        is_html_name(&self.file.path)
            || self.is_inline()
            || self.tags.iter().any(|tag| is_element(&tag.name))
    }

    /// The output at a place of the file.
    pub fn output_at(&self, place: &Location) -> Option<&Output> {
        self.outputs
            .iter()
            .find(|it| self.location(it.span) == *place)
    }

    /// Every expression, in source order: of outputs and of statements.
    pub fn expressions(&self) -> impl Iterator<Item = &jinja::Expr> {
        self.parsed.pieces.iter().flat_map(|piece| match piece {
            jinja::Piece::Output(output) => vec![&output.expr],
            jinja::Piece::Statement(statement) => statement.kind.expressions(),
            jinja::Piece::Text(_) | jinja::Piece::Comment(_) => Vec::new(),
        })
    }

    /// The expression of an output.
    pub fn expression(&self, output: &Output) -> Option<&jinja::Expr> {
        let mut found = self.parsed.outputs();
        found.find(|it| it.span == output.span).map(|it| &it.expr)
    }
}

/// Elements that tell HTML from text in which `<` happens to stand.
fn is_element(name: &str) -> bool {
    const ELEMENTS: &[&str] = &[
        "a", "article", "b", "body", "br", "button", "code", "dd", "div", "dl", "dt", "em", "form",
        "h1", "h2", "h3", "h4", "h5", "h6", "head", "header", "html", "i", "iframe", "img",
        "input", "label", "li", "link", "main", "meta", "nav", "ol", "option", "p", "pre",
        "script", "section", "select", "small", "span", "strong", "style", "svg", "table", "tbody",
        "td", "textarea", "th", "thead", "title", "tr", "ul",
    ];
    ELEMENTS.binary_search(&name).is_ok()
}

/// Whether a text has HTML tags in it.
pub fn holds_html(text: &str) -> bool {
    let mut tags = Vec::new();
    Scanner::new().text(text, Span::new(0, text.len()), &mut tags);
    tags.iter().any(|tag| is_element(&tag.name))
}

fn shared_folders(a: &str, b: &str) -> usize {
    let folders = |path: &str| {
        path.rsplit_once('/')
            .map_or("", |(folder, _)| folder)
            .to_owned()
    };
    let (a, b) = (folders(a), folders(b));
    let same = a.split('/').zip(b.split('/'));
    same.take_while(|(x, y)| x == y && !x.is_empty()).count()
}
