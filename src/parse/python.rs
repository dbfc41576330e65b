//! Python trees, behind one door: nothing else names the parser crate.

use std::sync::Arc;

use ruff_python_ast::visitor::source_order::{SourceOrderVisitor, TraversalSignal};
use ruff_python_ast::{AnyNodeRef, Expr, ExprCall, ModModule, Stmt};
use ruff_python_parser::{ParseOptions, Parsed, parse_unchecked_source};
use ruff_text_size::Ranged as _;

use crate::discover::File;
use crate::text::{Location, Span};

/// CPython refuses deeper nesting of brackets, and so do we: the tree's visitors recurse.
const MAX_BRACKET_DEPTH: usize = 200;
/// CPython's own limit of indentation levels.
const MAX_INDENTS: usize = 100;
/// Unary and binary chains recurse without any bracket ("not not not …", "x.y.y.y…").
const MAX_CHAIN: usize = 2_000;
/// Chains of keywords up to this length fit on the stacks that scanning runs on.
const MAX_KEYWORDS: usize = 10_000;
const NESTING_KEYWORDS: [&str; 4] = ["not", "lambda", "if", "await"];

/// One parsed Python file.
#[derive(Debug)]
pub struct Module {
    pub file: Arc<File>,
    parsed: Parsed<ModModule>,
}

impl Module {
    /// Parses `file`, or says why it is not parsed. A file with syntax errors gives the tree
    /// that could be made of it: [`Module::is_valid`] tells.
    pub fn parse(file: Arc<File>) -> Result<Self, String> {
        let source = file.text.as_str();
        refuse_deep_nesting(source)?;
        let parsed = parse_unchecked_source(source, ruff_python_ast::PySourceType::Python);
        Ok(Self { file, parsed })
    }

    pub fn body(&self) -> &[Stmt] {
        &self.parsed.syntax().body
    }

    pub fn tree(&self) -> &ModModule {
        self.parsed.syntax()
    }

    pub fn tokens(&self) -> &ruff_python_ast::token::Tokens {
        self.parsed.tokens()
    }

    /// Whether the file has no syntax error: only then may it be patched.
    pub fn is_valid(&self) -> bool {
        self.parsed.errors().is_empty()
    }

    /// The first syntax error, with its 1-based line.
    pub fn syntax_error(&self) -> Option<String> {
        let error = self.parsed.errors().first()?;
        let line = self.file.text.line_of(error.location.start().to_usize());
        Some(format!("syntax error in line {line}: {}", error.error))
    }

    pub fn path(&self) -> &Arc<str> {
        &self.file.path
    }

    /// The source of a node.
    pub fn source(&self, span: impl Into<Span>) -> &str {
        self.file.text.slice(span.into())
    }

    pub fn location(&self, span: impl Into<Span>) -> Location {
        Location::new(&self.file.path, span)
    }

    /// The call that covers exactly `span`.
    pub fn call_at(&self, span: Span) -> Option<&ExprCall> {
        let found = self.node_at(span, |node| matches!(node, AnyNodeRef::ExprCall(_)))?;
        match found {
            AnyNodeRef::ExprCall(call) => Some(call),
            _ => None,
        }
    }

    /// The expression that covers exactly `span`.
    pub fn expression_at(&self, span: Span) -> Option<&Expr> {
        let mut finder = ExpressionAt { span, found: None };
        finder.visit_body(self.body());
        finder.found
    }

    /// The innermost statement that covers `span`.
    pub fn statement_at(&self, span: Span) -> Option<&Stmt> {
        let mut finder = StatementAt { span, found: None };
        finder.visit_body(self.body());
        finder.found
    }

    /// The statement that covers exactly `span`.
    pub fn statement_exactly(&self, span: Span) -> Option<&Stmt> {
        self.statement_at(span)
            .filter(|stmt| Span::from(stmt.range()) == span)
    }

    /// The nodes that enclose `span`, outermost first.
    pub fn ancestors(&self, span: Span) -> Vec<AnyNodeRef<'_>> {
        let mut finder = Ancestors {
            span,
            path: Vec::new(),
        };
        finder.visit_body(self.body());
        finder.path
    }

    /// Whether the code at `span` runs only where the module is started itself (`python app.py`),
    /// under `if __name__ == "__main__":`.
    pub fn is_under_main(&self, span: Span) -> bool {
        self.ancestors(span)
            .iter()
            .any(|node| matches!(node, AnyNodeRef::StmtIf(stmt) if is_main_test(&stmt.test)))
    }

    fn node_at(
        &self,
        span: Span,
        wanted: impl Fn(AnyNodeRef<'_>) -> bool,
    ) -> Option<AnyNodeRef<'_>> {
        let path = self.ancestors(span);
        path.into_iter()
            .rev()
            .find(|node| Span::from(node.range()) == span && wanted(*node))
    }
}

/// The value of a call's argument, given by keyword or, where it has one, by position.
/// `None` as well when a `*` or `**` stands before it and may give it.
pub fn argument<'a>(call: &'a ExprCall, name: &str, position: Option<usize>) -> Option<&'a Expr> {
    let by_name = call
        .arguments
        .keywords
        .iter()
        .find(|keyword| keyword.arg.as_ref().is_some_and(|arg| arg.as_str() == name));
    if let Some(keyword) = by_name {
        return Some(&keyword.value);
    }
    let before = call.arguments.args.get(..=position?)?;
    let is_starred = before.iter().any(Expr::is_starred_expr);
    before.last().filter(|_| !is_starred)
}

/// `__name__ == "__main__"`.
pub fn is_main_test(test: &Expr) -> bool {
    let Expr::Compare(compare) = test else {
        return false;
    };
    let sides = std::iter::once(&*compare.left).chain(&compare.comparators);
    sides
        .into_iter()
        .any(|side| matches!(side, Expr::Name(name) if name.id.as_str() == "__name__"))
}

/// The last part of a name: `Flask` of `flask.Flask` and of `Flask`.
pub fn last_name(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Name(name) => Some(name.id.as_str()),
        Expr::Attribute(attribute) => Some(attribute.attr.as_str()),
        _ => None,
    }
}

/// Whether a call unpacks `*args` or `**options`, which may hold any argument.
pub fn unpacks(call: &ExprCall) -> bool {
    let starred = call.arguments.args.iter().any(Expr::is_starred_expr);
    starred
        || call
            .arguments
            .keywords
            .iter()
            .any(|keyword| keyword.arg.is_none())
}

/// The string literals behind `keyword=` in a source, f-strings among them (what they insert
/// stands between braces). Finds them without a tree, wherever they stand.
pub fn keyword_literals<'t>(source: &'t str, keyword: &'t str) -> impl Iterator<Item = &'t str> {
    let places = source.match_indices(keyword);
    places.filter_map(move |(at, _)| literal_behind(&source[at + keyword.len()..]))
}

fn literal_behind(text: &str) -> Option<&str> {
    let value = text.trim_start().strip_prefix('=')?.trim_start();
    let value = value.trim_start_matches(['f', 'F', 'r', 'R']);
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let inside = &value[1..];
    let end = inside.find([quote, '\n'])?;
    Some(&inside[..end])
}

/// Parses a snippet, for tests of generated code and for proofs of patches.
pub fn parses(source: &str) -> bool {
    ruff_python_parser::parse_unchecked(
        source,
        ParseOptions::from(ruff_python_parser::Mode::Module),
    )
    .errors()
    .is_empty()
}

/// One pass over the bytes that never recurses: refuses what would overflow the stack.
fn refuse_deep_nesting(source: &str) -> Result<(), String> {
    let (mut depth, mut deepest, mut chain, mut longest) = (0usize, 0usize, 0usize, 0usize);
    for byte in source.bytes() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            b'.' | b'-' | b'+' | b'~' | b'*' | b'|' | b'&' | b'^' | b'/' | b'%' => chain += 1,
            b'\n' if depth == 0 => chain = 0,
            _ => {}
        }
        deepest = deepest.max(depth);
        longest = longest.max(chain);
    }
    let indented = source
        .lines()
        .map(|line| line.len() - line.trim_start_matches([' ', '\t']).len())
        .max()
        .unwrap_or(0);
    if deepest > MAX_BRACKET_DEPTH {
        return Err(format!("brackets nested deeper than {MAX_BRACKET_DEPTH}"));
    }
    if indented > MAX_INDENTS * 8 {
        return Err(format!("more than {MAX_INDENTS} levels of indentation"));
    }
    if longest > MAX_CHAIN * 32 || keyword_chain(source) > MAX_KEYWORDS {
        return Err("an expression too long to analyse".into());
    }
    Ok(())
}

/// The most keywords in one logical line that each open a level of the tree without a bracket
/// ("not not …", "lambda: lambda: …", "1 if a else 1 if b else …"). Words in strings count as
/// well, which no hand-written line comes near.
fn keyword_chain(source: &str) -> usize {
    // A shorter file has no room for that many.
    if source.len() < MAX_KEYWORDS * "if ".len() {
        return 0;
    }
    let (mut depth, mut chain, mut longest) = (0usize, 0usize, 0usize);
    for line in source.split_inclusive('\n') {
        let words = line.split(|c: char| !c.is_alphanumeric() && c != '_');
        chain += words.filter(|word| NESTING_KEYWORDS.contains(word)).count();
        longest = longest.max(chain);
        for byte in line.bytes() {
            match byte {
                b'(' | b'[' | b'{' => depth += 1,
                b')' | b']' | b'}' => depth = depth.saturating_sub(1),
                _ => {}
            }
        }
        if depth == 0 && !line.trim_end().ends_with('\\') {
            chain = 0;
        }
    }
    longest
}

struct ExpressionAt<'a> {
    span: Span,
    found: Option<&'a Expr>,
}

impl<'a> SourceOrderVisitor<'a> for ExpressionAt<'a> {
    fn enter_node(&mut self, node: AnyNodeRef<'a>) -> TraversalSignal {
        enters(self.found.is_none(), node, self.span)
    }

    fn visit_body(&mut self, body: &'a [Stmt]) {
        if let Some(stmt) = around(body, self.span) {
            self.visit_stmt(stmt);
        }
    }

    fn visit_expr(&mut self, expr: &'a Expr) {
        if Span::from(expr.range()) == self.span && self.found.is_none() {
            self.found = Some(expr);
            return;
        }
        ruff_python_ast::visitor::source_order::walk_expr(self, expr);
    }
}

struct StatementAt<'a> {
    span: Span,
    found: Option<&'a Stmt>,
}

impl<'a> SourceOrderVisitor<'a> for StatementAt<'a> {
    fn enter_node(&mut self, node: AnyNodeRef<'a>) -> TraversalSignal {
        enters(true, node, self.span)
    }

    fn visit_body(&mut self, body: &'a [Stmt]) {
        if let Some(stmt) = around(body, self.span) {
            self.visit_stmt(stmt);
        }
    }

    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        if Span::from(stmt.range()).contains(self.span) {
            self.found = Some(stmt);
            ruff_python_ast::visitor::source_order::walk_stmt(self, stmt);
        }
    }
}

struct Ancestors<'a> {
    span: Span,
    path: Vec<AnyNodeRef<'a>>,
}

impl<'a> SourceOrderVisitor<'a> for Ancestors<'a> {
    fn enter_node(&mut self, node: AnyNodeRef<'a>) -> TraversalSignal {
        let signal = enters(true, node, self.span);
        if matches!(signal, TraversalSignal::Traverse) {
            self.path.push(node);
        }
        signal
    }

    fn visit_body(&mut self, body: &'a [Stmt]) {
        if let Some(stmt) = around(body, self.span) {
            self.visit_stmt(stmt);
        }
    }
}

/// The statement of a body that covers `span`: looking at each of a long module's would make
/// every search as long as the module.
fn around(body: &[Stmt], span: Span) -> Option<&Stmt> {
    let before = |stmt: &Stmt| Span::from(stmt.range()).end < span.end;
    body.get(body.partition_point(before))
        .filter(|stmt| Span::from(stmt.range()).contains(span))
}

fn enters(open: bool, node: AnyNodeRef<'_>, span: Span) -> TraversalSignal {
    if open && Span::from(node.range()).contains(span) {
        TraversalSignal::Traverse
    } else {
        TraversalSignal::Skip
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discover::Repository;

    fn module(source: &str) -> Module {
        let repo = Repository::from_texts([("app.py", source)]);
        Module::parse(Arc::clone(repo.file("app.py").unwrap())).unwrap()
    }

    #[test]
    fn nodes_are_found_by_span() {
        let module = module("def f():\n    return g(h(1))\n");
        let at = |text: &str| {
            let start = module.file.text.as_str().find(text).unwrap();
            Span::new(start, start + text.len())
        };
        assert!(module.call_at(at("h(1)")).is_some());
        assert!(module.expression_at(at("g(h(1))")).is_some());
        assert!(matches!(
            module.statement_at(at("h(1)")),
            Some(Stmt::Return(_))
        ));
    }

    #[test]
    fn a_broken_file_still_has_a_tree() {
        let module = module("app.run(debug=True)\ndef (:\n");
        assert!(!module.is_valid());
        assert!(module.syntax_error().unwrap().contains("line 2"));
        assert!(!module.body().is_empty());
    }

    #[test]
    fn deep_nesting_is_refused() {
        let source = format!("x = {}1{}\n", "(".repeat(300), ")".repeat(300));
        let repo = Repository::from_texts([("app.py", source.as_str())]);
        let refused = Module::parse(Arc::clone(repo.file("app.py").unwrap()));
        assert!(refused.unwrap_err().contains("nested deeper"));
    }
}
