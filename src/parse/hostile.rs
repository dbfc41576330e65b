//! No text makes a reader of deployment files panic, and every span it gives can be cut out.

use proptest::prelude::*;

use super::dockerfile::{Body, CommandForm, Dockerfile};
use super::ini::{Dialect, Ini};
use super::jenkinsfile::Jenkinsfile;
use super::makefile::Makefile;
use super::mapped::Mapped;
use super::yaml::{Node, Yaml};
use super::{dotenv, procfile, shell};
use crate::text::Span;

/// Pieces that mean something to some reader, and one that is more than a byte long.
fn text() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "a",
        "B=1",
        " ",
        "  ",
        "\n",
        "\r\n",
        "\t",
        "'",
        "\"",
        "\\",
        "$",
        "${",
        "}",
        "$(",
        ")",
        "`",
        "#",
        ";",
        "&&",
        "|",
        "<<E",
        "E",
        ":",
        ": ",
        "- ",
        "[",
        "]",
        "{",
        "{{",
        "}}",
        ",",
        "|",
        ">-",
        "&x",
        "*x",
        "!t",
        "?",
        "---",
        "=",
        "FROM ",
        "ENV ",
        "CMD ",
        "COPY ",
        "if ",
        "then",
        "else",
        "fi",
        "case ",
        "in",
        "esac",
        "done",
        "[s]",
        "export ",
        "stage('x')",
        "sh ",
        "ü",
        "'''",
    ]);
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

fn cut(text: &str, span: Span) -> &str {
    text.get(span.start..span.end).unwrap()
}

fn visit(text: &str, node: Node<'_>, depth: usize) {
    cut(text, node.span());
    if let Some(scalar) = node.scalar() {
        cut(text, scalar.inner);
        cut(
            text,
            scalar
                .value
                .source(Span::new(0, scalar.value.as_str().len())),
        );
    }
    // An alias may stand for what encloses it.
    if depth < 12 {
        node.own_entries()
            .for_each(|entry| visit(text, entry.value, depth + 1));
        node.items().for_each(|item| visit(text, item, depth + 1));
    }
}

fn words(text: &str, script: &shell::Script) {
    for command in &script.commands {
        cut(text, command.span);
        for word in &command.words {
            cut(text, word.span);
            if let Some(assignment) = word.assignment() {
                cut(text, assignment.value_span);
            }
        }
    }
}

proptest! {
    #[test]
    fn readers_take_any_text(text in text()) {
        for root in Yaml::parse(&text).documents() {
            visit(&text, root, 0);
            let _ = root.entries();
        }
        words(&text, &shell::parse(&Mapped::verbatim(&text, 0)));
        for word in shell::split(&Mapped::verbatim(&text, 0)) {
            cut(&text, word.span);
        }
        for instruction in Dockerfile::parse(&text).instructions {
            cut(&text, instruction.span);
            match &instruction.body {
                Body::Env(pairs) | Body::Arg(pairs) => pairs.iter().for_each(|pair| {
                    cut(&text, pair.value_span);
                }),
                Body::Command(CommandForm::Shell(shell)) => words(&text, &shell::parse(shell)),
                Body::Command(CommandForm::Exec(items, _)) => items.iter().for_each(|item| {
                    cut(&text, item.span);
                }),
                _ => {}
            }
        }
        for dialect in [Dialect::Indented, Dialect::Backslash, Dialect::Lines] {
            for entry in Ini::parse(&text, dialect).entries {
                cut(&text, entry.value_span);
            }
        }
        dotenv::parse(&text).iter().for_each(|entry| { cut(&text, entry.value_span); });
        procfile::parse(&text).iter().for_each(|entry| { cut(&text, entry.command_span); });
        let makefile = Makefile::parse(&text);
        makefile.variables.iter().for_each(|it| { cut(&text, it.value_span); });
        makefile.targets.iter().flat_map(|it| &it.recipe).for_each(|it| words(&text, &shell::parse(it)));
        let jenkinsfile = Jenkinsfile::parse(&text);
        jenkinsfile.variables.iter().for_each(|it| { cut(&text, it.value_span); });
        jenkinsfile.scripts.iter().for_each(|it| words(&text, &shell::parse(&it.text)));
    }
}
