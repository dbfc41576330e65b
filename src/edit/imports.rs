//! Imports: placed where the file keeps them, once only, and dropped when nothing needs them.

use ruff_python_ast::Stmt;
use ruff_python_ast::token::TokenKind;
use ruff_text_size::Ranged as _;

use super::import_names::{dots, is_from, member, rework, whole_line};
use crate::finding::{Edit, Import};
use crate::model::Model;
use crate::model::modules::ModuleId;
use crate::model::names::{BindingKind, Qualified, Scopes};
use crate::parse::python::Module;
use crate::text::Span;

/// The text by which code at `offset` of a file can call `module.name`, and the edit that makes
/// it so: an existing import is used, whatever its alias; a name that means something else in
/// the file is left alone and an alias is imported.
pub fn name_for(
    model: &Model,
    file: ModuleId,
    offset: usize,
    module: &str,
    name: &str,
) -> (String, Option<Edit>) {
    let scopes = model.names.scopes(file);
    if let Some(spelling) = existing(scopes, offset, module, name) {
        return (spelling, None);
    }
    let free = is_free(scopes, offset, name);
    let import = Import {
        module: module.into(),
        name: Some(name.into()),
        alias: (!free).then(|| format!("_{name}")),
    };
    let edit = Edit::Import {
        path: model.modules.get(file).path().clone(),
        import: import.clone(),
    };
    (import.bound().to_owned(), Some(edit))
}

/// Like [`name_for`] for a whole module: `os` for `os.environ`.
pub fn module_for(
    model: &Model,
    file: ModuleId,
    offset: usize,
    module: &str,
) -> (String, Option<Edit>) {
    let scopes = model.names.scopes(file);
    let imported = scopes.module().bindings.iter().find(|(bound, bindings)| {
        bindings.iter().any(|binding| {
            matches!(&binding.kind, BindingKind::Import(import)
                if import.level == 0 && &*import.module == module && import.member.is_none())
        }) && visible(scopes, offset, bound)
    });
    if let Some((bound, _)) = imported {
        return (bound.to_string(), None);
    }
    let import = Import {
        module: module.into(),
        name: None,
        alias: (!is_free(scopes, offset, module)).then(|| format!("_{module}")),
    };
    let path = model.modules.get(file).path().clone();
    let bound = import.bound().to_owned();
    (bound, Some(Edit::Import { path, import }))
}

/// A spelling that means `module.name` already: an imported name, or an attribute of an
/// imported module.
fn existing(scopes: &Scopes, offset: usize, module: &str, name: &str) -> Option<String> {
    let bindings = scopes.module().bindings.iter();
    let mut spellings: Vec<String> = bindings
        .flat_map(|(bound, bindings)| bindings.iter().map(move |binding| (bound, binding)))
        .filter(|(bound, _)| visible(scopes, offset, bound))
        .filter_map(|(bound, binding)| match &binding.kind {
            BindingKind::Import(import) if import.level > 0 || &*import.module != module => None,
            BindingKind::Import(import) => match &import.member {
                Some(member) if &**member == name => Some(bound.to_string()),
                None => Some(format!("{bound}.{name}")),
                Some(_) => None,
            },
            _ => None,
        })
        .collect();
    spellings.sort_by_key(|spelling| (spelling.contains('.'), spelling.clone()));
    spellings.into_iter().next()
}

/// Whether the module-level name `bound` is what code at `offset` sees, bound once.
fn visible(scopes: &Scopes, offset: usize, bound: &str) -> bool {
    scopes
        .lookup(bound, offset)
        .is_some_and(|(scope, bindings)| {
            std::ptr::eq(scope, scopes.module())
                && bindings
                    .iter()
                    .all(|binding| matches!(binding.kind, BindingKind::Import(_)))
        })
}

fn is_free(scopes: &Scopes, offset: usize, name: &str) -> bool {
    scopes.lookup(name, offset).is_none() && !scopes.module().bindings.contains_key(name)
}

/// Whether `expr` at its place means the library object `dotted`.
pub fn means(model: &Model, file: ModuleId, expr: &ruff_python_ast::Expr, dotted: &str) -> bool {
    let found = model.names.qualify(&model.modules, file, expr);
    found.is_some_and(|name: Qualified| name.is(dotted))
}

/// A change of a file's text: what the imports need, lowered.
type Change = (Span, String);

/// Turns the imports to add and to drop into changes of `module`'s text. `replaced` are the
/// other changes of the plan: names used only inside replaced text are no longer used.
/// `is_local` tells the repository's own top-level modules and packages.
pub fn lower(
    module: &Module,
    replaced: &[(Span, &str)],
    add: &[Import],
    drop: &[Import],
    is_local: &dyn Fn(&str) -> bool,
) -> Vec<Change> {
    let mut missing: Vec<&Import> = add
        .iter()
        .filter(|import| !is_imported(module, import))
        .collect();
    missing.sort();
    missing.dedup();
    let unused: Vec<&Import> = drop
        .iter()
        .filter(|import| !add.contains(import) && is_unused(module, import, replaced))
        .collect();
    let mut changes = Vec::new();
    for stmt in module.body() {
        match stmt {
            Stmt::ImportFrom(statement) => {
                changes.extend(rework(module, statement, &mut missing, &unused));
            }
            Stmt::Import(statement) if statement.names.len() == 1 => {
                let alias = &statement.names[0];
                let is_unused = unused.iter().any(|import| {
                    import.name.is_none()
                        && import.module == alias.name.as_str()
                        && alias.asname.is_none()
                });
                if is_unused {
                    changes.push((whole_line(module, statement.range.into()), String::new()));
                }
            }
            _ => {}
        }
    }
    // Sorted, so those of one module stand together and share a statement.
    let statements =
        missing.chunk_by(|a, b| a.module == b.module && a.name.is_some() && b.name.is_some());
    let lines = statements.map(|imports| new_line(module, imports, is_local));
    changes.extend(merged(module, lines.collect()));
    changes
}

fn is_imported(module: &Module, wanted: &Import) -> bool {
    module.body().iter().any(|stmt| match (stmt, &wanted.name) {
        (Stmt::ImportFrom(from), Some(name)) => {
            is_from(from, &wanted.module)
                && from.names.iter().any(|alias| {
                    alias.name.as_str() == name
                        && alias.asname.as_deref() == wanted.alias.as_deref()
                })
        }
        (Stmt::Import(import), None) => import.names.iter().any(|alias| {
            alias.name.as_str() == wanted.module
                && alias.asname.as_deref() == wanted.alias.as_deref()
        }),
        _ => false,
    })
}

/// Whether nothing but the import itself and replaced text uses the name.
fn is_unused(module: &Module, import: &Import, replaced: &[(Span, &str)]) -> bool {
    // What a package imports, others may import from it; nobody takes `os` from there.
    let is_standard = import.name.is_none() && import.module == "os";
    if module.path().ends_with("__init__.py") && !is_standard {
        return false;
    }
    let name = import.bound();
    let source = module.file.text.as_str();
    let is_import = |span: Span| {
        module.body().iter().any(|stmt| {
            matches!(stmt, Stmt::Import(_) | Stmt::ImportFrom(_))
                && Span::from(stmt.range()).contains(span)
        })
    };
    let used_by_name = module.tokens().iter().any(|token| {
        let span = Span::from(token.range());
        let is_name = token.kind() == TokenKind::Name && &source[span.start..span.end] == name;
        let is_listed =
            token.kind() == TokenKind::String && source[span.start..span.end].contains(name);
        (is_name || is_listed)
            && !is_import(span)
            && !replaced.iter().any(|(gone, _)| gone.contains(span))
    });
    let used_by_new_text = replaced.iter().any(|(_, text)| mentions(text, name));
    !used_by_name && !used_by_new_text
}

/// Whether `text` has `name` as a whole word.
fn mentions(text: &str, name: &str) -> bool {
    let is_word = |character: char| character.is_alphanumeric() || character == '_';
    text.match_indices(name).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + name.len()..].chars().next();
        !before.is_some_and(is_word) && !after.is_some_and(is_word)
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Group {
    Future,
    Standard,
    ThirdParty,
    Local,
    /// Behind a dot; isort keeps it apart from the project's absolute imports.
    Relative,
}

/// A new import and where it goes.
struct NewLine {
    at: usize,
    group: Group,
    key: (bool, String),
    statement: String,
    /// Blank lines in front of it and behind it, where it opens a group of its own.
    gap_before: bool,
    gap_behind: usize,
}

/// A new import line at the place that isort would give it, as far as the file keeps an order.
fn new_line(module: &Module, imports: &[&Import], is_local: &dyn Fn(&str) -> bool) -> NewLine {
    let text = &module.file.text;
    let import = imports[0];
    let (level, name) = dots(&import.module);
    let group = group_of(name, level, is_local);
    let block = import_block(module, is_local);
    let others = imports[1..].iter();
    let others: String = others
        .map(|import| format!(", {}", member(import)))
        .collect();
    let key = (import.name.is_some(), name.to_lowercase());
    let same: Vec<_> = block.iter().filter(|entry| entry.group == group).collect();
    let sorted = same.windows(2).all(|pair| pair[0].key <= pair[1].key);
    let line_before = |entry: &Entry| text.line_start(text.line_of(entry.span.start));
    let line_after = |entry: &Entry| text.next_line_start(entry.span.end);
    let next = same.iter().find(|entry| entry.key > key).filter(|_| sorted);
    let (at, gap_before, gap_behind) = if let Some(next) = next {
        (line_before(next), false, 0)
    } else if let Some(last) = same.last() {
        (line_after(last), false, 0)
    } else if let Some(before) = block.iter().rev().find(|entry| entry.group < group) {
        (line_after(before), true, 0)
    } else if let Some(first) = block.first() {
        (line_before(first), false, 1)
    } else {
        let top = top_of(module);
        (top, false, blank_lines_wanted(module, top))
    };
    NewLine {
        at,
        group,
        key,
        statement: format!("{}{others}", import.statement()),
        gap_before,
        gap_behind,
    }
}

/// The changes of new lines: those of one place and group stand together.
fn merged(module: &Module, mut lines: Vec<NewLine>) -> Vec<Change> {
    let newline = module.file.text.newline();
    lines.sort_by(|a, b| (a.at, a.group, &a.key).cmp(&(b.at, b.group, &b.key)));
    let places = lines.chunk_by(|a, b| a.at == b.at);
    places
        .map(|lines| {
            let groups: Vec<&[NewLine]> = lines.chunk_by(|a, b| a.group == b.group).collect();
            let mut text = String::new();
            for (index, group) in groups.iter().enumerate() {
                let opens_gap = group[0].gap_before || index > 0;
                if opens_gap && !text.ends_with(&newline.repeat(2)) {
                    text.push_str(newline);
                }
                for line in *group {
                    text.push_str(&line.statement);
                    text.push_str(newline);
                }
            }
            // What parts a new group from the code behind it is wanted behind the last one only.
            let gap = groups.last().map_or(0, |group| group[0].gap_behind);
            text.push_str(&newline.repeat(gap));
            at_line(module, lines[0].at, text)
        })
        .collect()
}

/// An insertion at a line start; behind a last line without a line end, one is added first.
fn at_line(module: &Module, offset: usize, line: String) -> Change {
    let text = module.file.text.as_str();
    let is_open = offset == text.len() && !text.is_empty() && !text.ends_with('\n');
    let newline = module.file.text.newline();
    let line = if is_open {
        format!("{newline}{line}")
    } else {
        line
    };
    (Span::at(offset), line)
}

struct Entry {
    group: Group,
    key: (bool, String),
    span: Span,
}

/// The imports at the top of the file, up to the first other statement.
fn import_block(module: &Module, is_local: &dyn Fn(&str) -> bool) -> Vec<Entry> {
    let body = module.body().iter();
    let without_docstring = body.skip_while(|stmt| is_docstring(stmt));
    let mut block = Vec::new();
    for stmt in without_docstring {
        let (is_from, name, level) = match stmt {
            Stmt::Import(import) => (false, import.names[0].name.as_str(), 0),
            Stmt::ImportFrom(from) => (true, from.module.as_deref().unwrap_or(""), from.level),
            _ if block.is_empty() => continue,
            _ => break,
        };
        block.push(Entry {
            group: group_of(name, level, is_local),
            key: (is_from, name.to_lowercase()),
            span: stmt.range().into(),
        });
    }
    block
}

fn is_docstring(stmt: &Stmt) -> bool {
    matches!(stmt, Stmt::Expr(expr) if expr.value.is_string_literal_expr())
}

/// How many blank lines black would add between an import at `offset` and what follows: two in
/// front of a definition, else one, less those that are there.
fn blank_lines_wanted(module: &Module, offset: usize) -> usize {
    let text = &module.file.text;
    let follows = |stmt: &&Stmt| stmt.range().start().to_usize() >= offset;
    let Some(next) = module.body().iter().find(follows) else {
        return 0;
    };
    let wanted = match next {
        Stmt::FunctionDef(_) | Stmt::ClassDef(_) => 2,
        _ => 1,
    };
    let line = text.line_of(offset);
    let present = (line..=text.line_count())
        .take_while(|line| text.line(*line).trim().is_empty())
        .count();
    wanted - present.min(wanted)
}

/// Where the first import of a file without imports goes: behind shebang, comments, docstring.
fn top_of(module: &Module) -> usize {
    let text = &module.file.text;
    let body = module.body();
    if let Some(docstring) = body.first().filter(|stmt| is_docstring(stmt)) {
        let end = docstring.range().end().to_usize();
        return text.next_line_start(end);
    }
    let comments = (1..=text.line_count())
        .take_while(|line| {
            text.line(*line)
                .trim_start_matches('\u{feff}')
                .starts_with('#')
        })
        .count();
    // A comment block that touches code belongs to that code, unless it is a file header.
    let is_header = comments > 0 && text.line(comments + 1).trim().is_empty();
    let shebang = usize::from(text.as_str().starts_with("#!"));
    let lines = if is_header { comments } else { shebang };
    let bom = if text.as_str().starts_with('\u{feff}') {
        3
    } else {
        0
    };
    text.line_start(lines + 1).max(bom)
}

fn group_of(module: &str, level: u32, is_local: &dyn Fn(&str) -> bool) -> Group {
    let top = module.split('.').next().unwrap_or(module);
    match top {
        _ if level > 0 => Group::Relative,
        _ if is_local(top) => Group::Local,
        "__future__" => Group::Future,
        "base64" | "binascii" | "collections" | "contextlib" | "copy" | "csv" | "datetime"
        | "enum" | "functools" | "glob" | "hashlib" | "hmac" | "html" | "http" | "importlib"
        | "inspect" | "io" | "itertools" | "json" | "logging" | "math" | "mimetypes"
        | "multiprocessing" | "operator" | "os" | "pathlib" | "pickle" | "platform" | "pprint"
        | "queue" | "random" | "re" | "secrets" | "shlex" | "shutil" | "signal" | "smtplib"
        | "socket" | "sqlite3" | "ssl" | "string" | "struct" | "subprocess" | "sys" | "tarfile"
        | "tempfile" | "textwrap" | "threading" | "time" | "traceback" | "types" | "typing"
        | "unicodedata" | "urllib" | "uuid" | "warnings" | "weakref" | "xml" | "zipfile"
        | "argparse" | "ast" | "asyncio" | "bisect" | "calendar" | "concurrent"
        | "configparser" | "dataclasses" | "decimal" | "difflib" | "email" | "getpass" | "gzip"
        | "locale" | "abc" | "atexit" | "codecs" => Group::Standard,
        _ => Group::ThirdParty,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::discover::Repository;

    fn from(module: &str, name: &str) -> Import {
        Import {
            module: module.into(),
            name: Some(name.into()),
            alias: None,
        }
    }

    fn plain(module: &str) -> Import {
        Import {
            module: module.into(),
            name: None,
            alias: None,
        }
    }

    fn apply(source: &str, replaced: &[(Span, &str)], add: &[Import], drop: &[Import]) -> String {
        let repo = Repository::from_texts([("app.py", source)]);
        let module = Module::parse(Arc::clone(repo.file("app.py").unwrap())).unwrap();
        let mut changes = lower(&module, replaced, add, drop, &|top| top == "shop");
        changes.sort_by_key(|(span, _)| std::cmp::Reverse((span.start, span.end)));
        let mut text = source.to_owned();
        for (span, new) in changes {
            text.replace_range(span.start..span.end, &new);
        }
        text
    }

    #[test]
    fn first_imports_stand_in_the_order_of_their_groups() {
        let add = [from(".store", "load"), plain("os")];
        let text = apply("A = 1\n", &[], &add, &[]);
        // `apply` works from the end, so what comes first is inserted last.
        let both = ["import os\n\n", "from .store import load\n\n"];
        assert!(both.iter().all(|line| text.contains(line)), "{text}");
        let repo = Repository::from_texts([("app.py", "A = 1\n")]);
        let module = Module::parse(Arc::clone(repo.file("app.py").unwrap())).unwrap();
        let changes = lower(&module, &[], &add, &[], &|_| false);
        assert!(changes[0].1.starts_with("import os"), "{changes:?}");
        let text = apply("class A:\n    pass\n", &[], &add, &[]);
        let expected = "import os\n\nfrom .store import load\n\n\nclass A:\n    pass\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn an_existing_statement_is_extended() {
        let abort = [from("flask", "abort")];
        for (before, after) in [
            (
                "from flask import Flask\n",
                "from flask import Flask, abort\n",
            ),
            (
                "from flask import (Flask,\n                   g)\n",
                "from flask import (Flask,\n                   g, abort)\n",
            ),
            (
                "from flask import (\n    Flask,\n    g,\n)\n",
                "from flask import (\n    Flask,\n    abort,\n    g,\n)\n",
            ),
            (
                "from flask import Flask, request\n",
                "from flask import Flask, abort, request\n",
            ),
            (
                "from flask import after_this_request, Blueprint, request\n",
                "from flask import abort, after_this_request, Blueprint, request\n",
            ),
            (
                "from flask import request, Flask\n",
                "from flask import request, Flask, abort\n",
            ),
            (
                "from flask import (\n    Flask,  # the class\n    g,\n)\n",
                "from flask import (\n    Flask,  # the class\n    g,\n    abort,\n)\n",
            ),
            (
                "from flask import Flask, \\\n    g\n",
                "from flask import Flask, \\\n    g, abort\n",
            ),
            ("from flask import abort\n", "from flask import abort\n"),
        ] {
            assert_eq!(apply(before, &[], &abort, &[]), after);
        }
    }

    #[test]
    fn a_long_line_is_wrapped() {
        let before = "from flask import Flask, render_template, request, redirect, url_for, flash, session, g\n";
        let after = apply(before, &[], &[from("flask", "abort")], &[]);
        assert!(
            after.starts_with("from flask import (\n    Flask,\n"),
            "{after}"
        );
        assert!(after.ends_with("    g,\n    abort,\n)\n"), "{after}");
    }

    #[test]
    fn a_new_statement_goes_to_its_group() {
        for (before, add, after) in [
            (
                "import sys\n\nimport flask\n",
                plain("os"),
                "import os\nimport sys\n\nimport flask\n",
            ),
            (
                "from flask import Flask\n\nx = 1\n",
                plain("os"),
                "import os\n\nfrom flask import Flask\n\nx = 1\n",
            ),
            (
                "import os\n\nx = 1\n",
                from("markupsafe", "escape"),
                "import os\n\nfrom markupsafe import escape\n\nx = 1\n",
            ),
            (
                "\"\"\"Doc.\"\"\"\nx = 1\n",
                plain("os"),
                "\"\"\"Doc.\"\"\"\nimport os\n\nx = 1\n",
            ),
            (
                "#!/usr/bin/env python\nx = 1\n",
                plain("os"),
                "#!/usr/bin/env python\nimport os\n\nx = 1\n",
            ),
            (
                "from __future__ import annotations\n\nx = 1\n",
                plain("os"),
                "from __future__ import annotations\n\nimport os\n\nx = 1\n",
            ),
            (
                "import os\r\nfrom flask import g\r\n",
                from("markupsafe", "escape"),
                "import os\r\nfrom flask import g\r\nfrom markupsafe import escape\r\n",
            ),
            (
                "import flask",
                from("markupsafe", "escape"),
                "import flask\nfrom markupsafe import escape\n",
            ),
        ] {
            assert_eq!(apply(before, &[], &[add], &[]), after);
        }
    }

    #[test]
    fn new_statements_of_one_group_stand_together() {
        let add = [
            from("datetime", "datetime"),
            plain("os"),
            from("redis", "Redis"),
        ];
        let after = apply("from flask import Flask\n\nx = 1\n", &[], &add, &[]);
        assert_eq!(
            after,
            "import os\nfrom datetime import datetime\n\nfrom flask import Flask\nfrom redis import Redis\n\nx = 1\n"
        );
        let after = apply("x = 1\n", &[], &add, &[]);
        assert_eq!(
            after,
            "import os\nfrom datetime import datetime\n\nfrom redis import Redis\n\nx = 1\n"
        );
    }

    #[test]
    fn the_projects_own_modules_come_last() {
        for (before, add, after) in [
            (
                "from flask import Flask\n\nx = 1\n",
                from(".guard", "check"),
                "from flask import Flask\n\nfrom .guard import check\n\nx = 1\n",
            ),
            (
                "from flask import Flask\n\nfrom .views import bp\n",
                from(".guard", "check"),
                "from flask import Flask\n\nfrom .guard import check\nfrom .views import bp\n",
            ),
            (
                "from shop.auth import login\n\nfrom .views import bp\n",
                from("shop.guard", "check"),
                "from shop.auth import login\nfrom shop.guard import check\n\nfrom .views import bp\n",
            ),
            (
                "from .guard import other\n",
                from(".guard", "check"),
                "from .guard import check, other\n",
            ),
            (
                "from flask import Flask\nfrom shop import views\n",
                from("shop.guard", "check"),
                "from flask import Flask\nfrom shop import views\nfrom shop.guard import check\n",
            ),
        ] {
            assert_eq!(apply(before, &[], &[add], &[]), after);
        }
    }

    #[test]
    fn unused_names_are_dropped_and_used_ones_stay() {
        let source = "from flask import Flask, send_file\n\nsend_file(x)\n";
        let call = Span::new(source.len() - 13, source.len() - 1);
        let drop = [from("flask", "send_file")];
        let add = [from("flask", "send_from_directory")];
        assert_eq!(
            apply(source, &[(call, "send_from_directory(d, x)")], &add, &drop),
            "from flask import Flask, send_from_directory\n\nsend_file(x)\n"
        );
        assert_eq!(
            apply(source, &[(call, "other(x)")], &[], &drop),
            "from flask import Flask\n\nsend_file(x)\n"
        );
        assert_eq!(apply(source, &[], &[], &drop), source);
        let alone = "from flask import send_file\nx = 1\n";
        assert_eq!(apply(alone, &[], &[], &drop), "x = 1\n");
    }
}
