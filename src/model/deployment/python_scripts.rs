//! What Python files say about starting: which of them serve, which commands a project installs.

use std::collections::BTreeMap;

use super::Target;
use crate::discover::{File, FileKind, Repository};
use crate::text::{Location, Span};

/// Whether a script starts a server itself: `app.run(…)`, `serve(app)`, `run_simple(…)`.
/// A rough look at the text, for scripts in the middle of a shell script: is this the server, or
/// does it only wait for the database?
pub(super) fn serves(text: &str) -> bool {
    const SERVERS: &[&str] = &[
        "run_simple(",
        "serve_forever(",
        "WSGIServer(",
        "make_server(",
        "waitress",
    ];
    if SERVERS.iter().any(|server| text.contains(server)) {
        return true;
    }
    const OTHERS: &[&str] = &[
        "subprocess",
        "asyncio",
        "pytest",
        "unittest",
        "anyio",
        "trio",
        "runner",
        "sp",
        "context",
        "self",
    ];
    text.match_indices(".run(").any(|(at, _)| {
        let before = &text[..at];
        let name_start = before
            .rfind(|c: char| !c.is_alphanumeric() && c != '_')
            .map_or(0, |found| found + 1);
        let receiver = &before[name_start..];
        !OTHERS.contains(&receiver)
    })
}

/// The commands that the project installs: `[project.scripts]`, Poetry's and `setup.cfg`'s.
pub(super) fn console_scripts(repo: &Repository) -> BTreeMap<String, Target> {
    let mut scripts = BTreeMap::new();
    for file in repo.files() {
        let name = super::files::base_name(&file.path);
        match (file.kind, name) {
            (FileKind::Toml, "pyproject.toml") => from_pyproject(file, &mut scripts),
            (FileKind::Ini, "setup.cfg") | (FileKind::Python, "setup.py") => {
                from_lines(file, &mut scripts);
            }
            _ => {}
        }
    }
    scripts
}

fn from_pyproject(file: &File, scripts: &mut BTreeMap<String, Target>) {
    let text = file.text.as_str();
    if !text.contains("scripts]") {
        return;
    }
    let Ok(document) = toml_edit::Document::parse(text) else {
        return;
    };
    let root = document.as_table();
    let tables = [
        root.get("project").and_then(|it| it.get("scripts")),
        root.get("tool")
            .and_then(|it| it.get("poetry"))
            .and_then(|it| it.get("scripts")),
    ];
    for table in tables
        .into_iter()
        .flatten()
        .filter_map(toml_edit::Item::as_table_like)
    {
        for (name, item) in table.iter() {
            let Some(call) = item.as_str() else {
                continue;
            };
            let span = item
                .span()
                .map_or(Span::at(0), |range| Span::new(range.start, range.end));
            add(scripts, name, call, Location::new(&file.path, span));
        }
    }
}

/// `name = package.module:function` lines behind `console_scripts`.
fn from_lines(file: &File, scripts: &mut BTreeMap<String, Target>) {
    let text = file.text.as_str();
    let Some(start) = text.find("console_scripts") else {
        return;
    };
    let mut at = start;
    for line in text[start..].split_inclusive('\n').take(60) {
        if line.starts_with('[') {
            break;
        }
        let location = Location::new(&file.path, Span::new(at, at + line.trim_end().len()));
        for entry in line.split(['"', '\'', ',']) {
            if let Some((name, call)) = entry.split_once('=') {
                add(scripts, name.trim(), call.trim(), location.clone());
            }
        }
        at += line.len();
    }
}

fn add(scripts: &mut BTreeMap<String, Target>, name: &str, call: &str, location: Location) {
    let call = call.split(['[', ' ', '"', '\'']).next().unwrap_or(call);
    let Some((module, function)) = call.split_once(':') else {
        return;
    };
    let named = |text: &str| {
        !text.is_empty()
            && text
                .chars()
                .all(|c| c.is_alphanumeric() || "_.-".contains(c))
    };
    if !named(name) || !named(module) || !named(function) {
        return;
    }
    scripts.insert(
        name.to_owned(),
        Target {
            module: module.to_owned(),
            expression: Some(function.to_owned()),
            factory: true,
            location,
        },
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serving_scripts_are_told_from_chores() {
        assert!(serves("if __name__ == '__main__':\n    app.run()\n"));
        assert!(serves("socketio.run(app)\n"));
        assert!(serves("create_app().run(host='0.0.0.0')\n"));
        assert!(serves("from waitress import serve\nserve(app)\n"));
        assert!(!serves("import subprocess\nsubprocess.run(['ls'])\n"));
        assert!(!serves("print('waiting for db')\n"));
    }

    #[test]
    fn installed_commands() {
        let repo = Repository::from_texts([
            (
                "pyproject.toml",
                "[project.scripts]\nweb = \"shop.cli:main\"\n[tool.poetry.scripts]\np = \"a:b\"\n",
            ),
            (
                "setup.cfg",
                "[options.entry_points]\nconsole_scripts =\n    sqlite_web = sqlite_web.__main__:main\n[x]\ny = z:w\n",
            ),
            (
                "setup.py",
                "setup(entry_points={'console_scripts': ['isso = isso:main', 'x=y.z:f']})\n",
            ),
        ]);
        let scripts = console_scripts(&repo);
        let found: Vec<_> = scripts
            .iter()
            .map(|(name, target)| {
                format!(
                    "{name}={}:{}",
                    target.module,
                    target.expression.as_deref().unwrap()
                )
            })
            .collect();
        assert_eq!(
            found,
            [
                "isso=isso:main",
                "p=a:b",
                "sqlite_web=sqlite_web.__main__:main",
                "web=shop.cli:main",
                "x=y.z:f"
            ]
        );
    }
}
