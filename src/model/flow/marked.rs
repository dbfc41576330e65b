//! For tests: programs whose weak lines end in `# bad`.

use super::output::{Sink, SinkCall};
use crate::discover::Repository;
use crate::model::modules::Modules;

/// Asserts that client values reach a sink on the marked lines, and on no others.
#[track_caller]
pub(super) fn judge(files: &[(&str, &str)]) {
    let repo = Repository::from_texts(files.iter().copied());
    let flows = super::analyse(&Modules::parse(&repo));
    let mut found: Vec<(String, usize)> = Vec::new();
    let judged = flows
        .of_sink(|sink| !matches!(sink, Sink::TemplateVariable { .. } | Sink::CookieValue))
        .filter(|call| SinkCall::is_tainted(call));
    for call in judged {
        let text = &repo.file(&call.call.path).unwrap().text;
        found.push((
            call.call.path.to_string(),
            text.line_of(call.call.span.start),
        ));
    }
    found.sort();
    found.dedup();
    let mut wanted = Vec::new();
    for (path, text) in files {
        let marked = text.lines().enumerate();
        let marked = marked.filter(|(_, line)| line.ends_with("# bad"));
        wanted.extend(marked.map(|(index, _)| ((*path).to_owned(), index + 1)));
    }
    wanted.sort();
    assert_eq!(found, wanted);
}

/// The same for one file that begins with the usual imports.
#[track_caller]
pub(super) fn judge_app(body: &str) {
    let head = "import os, re, json, uuid\nfrom functools import wraps\nfrom pathlib import Path\n\
        from flask import *\nfrom flask import Flask, abort, request, send_file\nfrom markupsafe import Markup, escape\napp = Flask(__name__)\n";
    judge(&[("app.py", &format!("{head}{body}"))]);
}
