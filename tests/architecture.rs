//! Data flows one way: a module imports only from modules that `lib.rs` lists above it.

#![expect(
    clippy::unwrap_used,
    reason = "outside of #[test] functions, and still a test"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn modules_import_only_from_above() {
    let order = declared_modules(&stripped(&read("src/lib.rs")));
    assert!(order.len() > 5, "lib.rs lists the modules: {order:?}");
    let rank: BTreeMap<&str, usize> = order
        .iter()
        .enumerate()
        .map(|(rank, name)| (name.as_str(), rank))
        .collect();
    let mut upward = Vec::new();
    for file in rust_files(Path::new("src")) {
        let module = module_path(&file);
        let Some(own) = module.first().and_then(|top| rank.get(top.as_str())) else {
            continue;
        };
        for (line, name) in imports(&without_tests(&read(&file)), module.len()) {
            if rank.get(name.as_str()).is_some_and(|other| other > own) {
                upward.push(format!(
                    "{}:{line}: {} imports {name}",
                    file.display(),
                    module[0]
                ));
            }
        }
    }
    assert!(
        upward.is_empty(),
        "these imports go against the order in lib.rs:\n{}",
        upward.join("\n")
    );
}

#[test]
fn the_check_sees_every_way_to_import() {
    let source = r##"
use crate::ui::Report;
use crate::{error::Error, git::{Repo, Head}, session};
// use crate::nothing;
const TEXT: &str = "crate::string"; const RAW: &str = r#"crate::raw " "#;
fn f() -> crate::patch::Plan { super::super::diff::diff(); super::near(); 'c'; '"' }
#[cfg(test)]
mod tests { use crate::tested; fn g() { if x { } } }
#[cfg(test)]
use crate::tested_too;
fn after() { crate::last() }
"##;
    let names: Vec<String> = imports(&without_tests(source), 2)
        .into_iter()
        .map(|(_, name)| name)
        .collect();
    let expected = ["ui", "error", "git", "session", "patch", "diff", "last"];
    assert_eq!(names, expected);
}

fn read(path: impl AsRef<Path>) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    fs::read_to_string(root.join(path)).unwrap()
}

/// Every source file but those that only tests are compiled from, relative to the package.
fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root.join(&folder)).unwrap() {
            let entry = entry.unwrap();
            let path = folder.join(entry.file_name());
            if entry.file_type().unwrap().is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    files.retain(|file| !is_for_tests(file));
    files
}

/// Whether the module that declares this file says `#[cfg(test)] mod name;`.
fn is_for_tests(file: &Path) -> bool {
    let module = module_path(file);
    let Some((name, parents)) = module.split_last() else {
        return false;
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let stem: PathBuf = Path::new("src").join(parents.iter().collect::<PathBuf>());
    let candidates = [stem.join("mod.rs"), stem.with_extension("rs")];
    let parent = candidates.iter().find(|path| root.join(path).is_file());
    let Some(parent) = parent.filter(|_| !parents.is_empty()) else {
        return false;
    };
    is_for_tests(parent) || !declares(&without_tests(&read(parent)), name)
}

fn declares(source: &str, name: &str) -> bool {
    declared_modules(source).iter().any(|module| module == name)
}

/// `src/ui/cli/mod.rs` is `["ui", "cli"]`.
fn module_path(file: &Path) -> Vec<String> {
    let inside = file.strip_prefix("src").unwrap().with_extension("");
    let mut parts: Vec<String> = inside
        .iter()
        .map(|part| part.to_string_lossy().into_owned())
        .collect();
    let last = parts.last().map(String::as_str);
    if matches!(last, Some("mod" | "lib" | "main")) {
        parts.pop();
    }
    parts
}

/// The names behind `mod`, in order.
fn declared_modules(source: &str) -> Vec<String> {
    let words: Vec<&str> = source
        .split(|c: char| !(c.is_alphanumeric() || c == '_'))
        .filter(|word| !word.is_empty())
        .collect();
    words
        .windows(2)
        .filter(|pair| pair[0] == "mod")
        .map(|pair| pair[1].to_owned())
        .collect()
}

/// The top-level modules that `source` names through `crate::` or enough `super::`, with lines.
/// `depth` is how many `super` lead to the crate's root.
fn imports(source: &str, depth: usize) -> Vec<(usize, String)> {
    let up = "super::".repeat(depth);
    let mut found = Vec::new();
    for prefix in ["crate::", up.as_str()] {
        for (at, _) in source.match_indices(prefix) {
            let before = source[..at].chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':' || c == '$') {
                continue;
            }
            let line = source[..at].matches('\n').count() + 1;
            let rest = &source[at + prefix.len()..];
            found.extend(first_names(rest).into_iter().map(|name| (at, line, name)));
        }
    }
    found.sort();
    found
        .into_iter()
        .map(|(_, line, name)| (line, name))
        .collect()
}

/// `a::b` gives `a`; `{a::b, c::{d, e}}` gives `a` and `c`.
fn first_names(rest: &str) -> Vec<String> {
    let name = |text: &str| -> String {
        text.trim_start()
            .chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect()
    };
    let Some(group) = rest.trim_start().strip_prefix('{') else {
        return vec![name(rest)];
    };
    let mut names = vec![name(group)];
    let mut level = 1;
    for (at, c) in group.char_indices() {
        match c {
            '{' => level += 1,
            '}' if level == 1 => break,
            '}' => level -= 1,
            ',' if level == 1 => names.push(name(&group[at + 1..])),
            _ => {}
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

/// The source without comments, literals and what only tests see; lines are kept.
fn without_tests(source: &str) -> String {
    let source = stripped(source);
    let mut out = String::new();
    let mut rest = source.as_str();
    while let Some(at) = rest.find("#[cfg(test)]") {
        out.push_str(&rest[..at]);
        let end = at + item_length(&rest[at..]);
        let lines = rest[at..end].matches('\n').count();
        out.push_str(&"\n".repeat(lines));
        rest = &rest[end..];
    }
    out + rest
}

/// How long the item is that an attribute begins: to its `;`, or to the end of its braces.
fn item_length(item: &str) -> usize {
    let mut level = 0;
    for (at, c) in item.char_indices() {
        match c {
            ';' if level == 0 => return at + 1,
            '{' => level += 1,
            '}' => {
                level -= 1;
                if level == 0 {
                    // `use a::{b};` ends behind its braces.
                    let behind = &item[at + 1..];
                    return at + 1 + usize::from(behind.starts_with(';'));
                }
            }
            _ => {}
        }
    }
    item.len()
}

/// The source with comments and literals blanked.
fn stripped(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |at| at + 2),
            '"' => string_length(rest),
            'r' if raw_string_length(rest).is_some() => raw_string_length(rest).unwrap(),
            '\'' => char_length(rest),
            _ => 0,
        };
        if length == 0 {
            out.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        }
        let blanked = rest[..length].chars();
        out.extend(blanked.map(|c| if c == '\n' { '\n' } else { ' ' }));
        rest = &rest[length..];
    }
    out
}

fn string_length(rest: &str) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

fn raw_string_length(rest: &str) -> Option<usize> {
    let body = rest.strip_prefix('r')?;
    let hashes = body.len() - body.trim_start_matches('#').len();
    let body = body[hashes..].strip_prefix('"')?;
    let close = format!("\"{}", "#".repeat(hashes));
    let end = body.find(&close)?;
    Some(1 + hashes + 1 + end + close.len())
}

/// A character literal's length; 0 for a lifetime.
fn char_length(rest: &str) -> usize {
    let mut chars = rest.char_indices().skip(1);
    match chars.next() {
        Some((_, '\\')) => rest[2..].find('\'').map_or(0, |at| {
            // `'\''` closes behind the escaped quote.
            if at == 0 { 4 } else { at + 3 }
        }),
        Some(_) => match chars.next() {
            Some((at, '\'')) => at + 1,
            _ => 0,
        },
        None => 0,
    }
}
