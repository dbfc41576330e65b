//! What a CI file runs: shell texts, actions, and when.

use std::sync::Arc;

use super::{System, Triggers};
use crate::discover::{File, FileKind, Repository};
use crate::parse::ini::{Dialect, Ini};
use crate::parse::jenkinsfile::Jenkinsfile;
use crate::parse::makefile::Makefile;
use crate::parse::mapped::Mapped;
use crate::parse::shell::{self, Command};
use crate::parse::yaml::{Node, Yaml};
use crate::text::Span;

/// One thing that is run.
#[derive(Debug, Clone)]
pub(super) struct Run {
    pub path: Arc<str>,
    pub what: What,
    /// Why its failure does not fail the build.
    pub forgiven: Option<Forgiven>,
    /// The job runs on a schedule only, whatever the file's triggers are.
    pub only_scheduled: bool,
}

#[derive(Debug, Clone)]
pub(super) enum What {
    Shell(Mapped),
    /// `uses: owner/action@version`, and the flags that its inputs pass on.
    Action {
        name: String,
        span: Span,
        inputs: Vec<(String, String)>,
    },
}

/// A key of a job or step by which its failure does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Forgiven {
    pub why: &'static str,
    /// The value, and what to put in its place.
    pub mend: Option<(Span, &'static str)>,
}

/// The keys under which CI systems keep shell text.
const SHELL_KEYS: &[&str] = &[
    "run",
    "script",
    "before_script",
    "after_script",
    "command",
    "commands",
    "bash",
    "pwsh",
    "inlineScript",
    "install",
    "before_install",
    "after_success",
];

pub(super) fn triggers(file: &File, system: System) -> Triggers {
    let text = file.text.as_str();
    match system {
        System::GitHub => github_triggers(text),
        System::PreCommit => Triggers {
            on_commit: false,
            scheduled: false,
        },
        System::Jenkins => Triggers {
            on_commit: true,
            scheduled: text.contains("cron("),
        },
        // Pipelines of these run on every push; schedules are set on the server, save CircleCI's
        // and Azure's.
        System::CircleCi => Triggers {
            on_commit: true,
            scheduled: text.contains("schedule:"),
        },
        System::Azure => Triggers {
            on_commit: !text.lines().any(|line| line.trim() == "trigger: none"),
            scheduled: text.contains("schedules:"),
        },
        System::GitLab | System::Travis | System::Bitbucket => Triggers {
            on_commit: true,
            scheduled: text.contains("$CI_PIPELINE_SOURCE == \"schedule\""),
        },
    }
}

fn github_triggers(text: &str) -> Triggers {
    let yaml = Yaml::parse(text);
    // YAML 1.1 reads a bare `on` as true; this reader keeps the text.
    let on = yaml.root().and_then(|root| root.get("on"));
    let has = |name: &str| {
        on.is_some_and(|on| {
            on.as_str() == Some(name)
                || on.items().any(|item| item.as_str() == Some(name))
                || on.entry(name).is_some()
        })
    };
    let commit = [
        "push",
        "pull_request",
        "pull_request_target",
        "merge_group",
        "workflow_call",
    ];
    Triggers {
        on_commit: commit.into_iter().any(has),
        scheduled: has("schedule"),
    }
}

/// Everything that the file at `path` runs by itself.
pub(super) fn of_file(file: &File, system: System) -> Vec<Run> {
    let shell = |text: Mapped| Run {
        path: Arc::clone(&file.path),
        what: What::Shell(text),
        forgiven: None,
        only_scheduled: false,
    };
    if system == System::Jenkins {
        let scripts = Jenkinsfile::parse(file.text.as_str()).scripts;
        return scripts
            .into_iter()
            .map(|script| shell(script.text))
            .collect();
    }
    let yaml = Yaml::parse(file.text.as_str());
    let mut walk = Walk {
        path: &file.path,
        runs: Vec::new(),
    };
    for document in yaml.documents() {
        walk.node(document, Context::default());
    }
    walk.runs
}

#[derive(Clone, Copy, Default)]
struct Context {
    forgiven: Option<Forgiven>,
    only_scheduled: bool,
    is_shell: bool,
}

struct Walk<'a> {
    path: &'a Arc<str>,
    runs: Vec<Run>,
}

impl Walk<'_> {
    fn node(&mut self, node: Node<'_>, context: Context) {
        if let Some(scalar) = node.scalar() {
            if context.is_shell {
                self.push(What::Shell(scalar.value.clone()), context);
            }
            return;
        }
        for item in node.items() {
            self.node(item, context);
        }
        if node.is_mapping() {
            self.mapping(node, context);
        }
    }

    fn mapping(&mut self, node: Node<'_>, outer: Context) {
        let context = Context {
            forgiven: forgiven(node).or(outer.forgiven),
            only_scheduled: outer.only_scheduled || runs_on_schedule_only(node),
            is_shell: false,
        };
        if let Some(action) = node.get("uses").and_then(|uses| action(uses, node)) {
            self.push(action, context);
        }
        for entry in node.entries() {
            let key = entry.key.as_str().unwrap_or_default();
            if matches!(key, "name" | "displayName" | "description" | "env" | "uses") {
                continue;
            }
            let inner = Context {
                is_shell: SHELL_KEYS.contains(&key),
                ..context
            };
            self.node(entry.value, inner);
        }
    }

    fn push(&mut self, what: What, context: Context) {
        self.runs.push(Run {
            path: Arc::clone(self.path),
            what,
            forgiven: context.forgiven,
            only_scheduled: context.only_scheduled,
        });
    }
}

fn action(uses: Node<'_>, step: Node<'_>) -> Option<What> {
    let inputs = step.get("with").map(Node::entries).unwrap_or_default();
    Some(What::Action {
        name: uses.as_str()?.to_owned(),
        span: uses.span(),
        inputs: inputs
            .iter()
            .filter_map(|entry| {
                let value = entry.value.as_str().unwrap_or_default();
                Some((entry.key.as_str()?.to_owned(), value.to_owned()))
            })
            .collect(),
    })
}

fn forgiven(node: Node<'_>) -> Option<Forgiven> {
    let keys = [
        ("continue-on-error", "continue-on-error lets the job pass"),
        ("continueOnError", "continueOnError lets the job pass"),
        ("allow_failure", "allow_failure lets the pipeline pass"),
    ];
    for (key, why) in keys {
        let value = node.get(key).filter(|value| value.as_str() == Some("true"));
        if let Some(value) = value {
            return Some(Forgiven {
                why,
                mend: Some((value.span(), "false")),
            });
        }
    }
    (node.text("when") == Some("manual")).then_some(Forgiven {
        why: "it waits for a person to start it",
        mend: None,
    })
}

/// GitLab's `only: [schedules]` and rules that name nothing but schedules.
fn runs_on_schedule_only(node: Node<'_>) -> bool {
    let only = node.get("only");
    let by_only = only.is_some_and(|only| {
        let one = only.as_str() == Some("schedules");
        one || (only.is_sequence() && only.items().all(|item| item.as_str() == Some("schedules")))
    });
    let by_rules = node.get("rules").is_some_and(|rules| {
        let mut conditions = rules.items().filter_map(|rule| rule.text("if")).peekable();
        conditions.peek().is_some()
            && conditions.all(|condition| condition.contains("\"schedule\""))
    });
    by_only || by_rules
}

/// What a command of CI runs in its turn: make targets, tox environments, nox sessions, scripts.
pub(super) fn called(repo: &Repository, run: &Run, command: &Command) -> Vec<Run> {
    let words: Vec<&str> = command.words.iter().map(|word| word.text()).collect();
    let of = |path: &Arc<str>, text: Mapped| Run {
        path: Arc::clone(path),
        what: What::Shell(text),
        forgiven: run.forgiven,
        only_scheduled: run.only_scheduled,
    };
    match command.program() {
        Some("make" | "gmake") => make(repo, &words)
            .into_iter()
            .map(|(path, text)| of(&path, text))
            .collect(),
        Some("tox") => tox(repo, &words)
            .into_iter()
            .map(|(path, text)| of(&path, text))
            .collect(),
        _ => script(repo, &words).map_or_else(Vec::new, |file| {
            vec![of(&file.path, Mapped::verbatim(file.text.as_str(), 0))]
        }),
    }
}

fn make(repo: &Repository, words: &[&str]) -> Vec<(Arc<str>, Mapped)> {
    let Some(file) = repo.of_kind(FileKind::Makefile).next() else {
        return Vec::new();
    };
    let makefile = Makefile::parse(file.text.as_str());
    let wanted = words
        .iter()
        .skip(1)
        .filter(|word| !word.starts_with('-') && !word.contains('='));
    let mut names: Vec<&str> = wanted.copied().collect();
    if names.is_empty() {
        let first = makefile.targets.iter().flat_map(|target| &target.names);
        names.extend(
            first
                .map(String::as_str)
                .find(|name| !name.starts_with('.')),
        );
    }
    names
        .iter()
        .filter_map(|name| makefile.target(name))
        .flat_map(|target| target.recipe.iter().cloned())
        .map(|line| (Arc::clone(&file.path), line))
        .collect()
}

/// The commands of the named environments, of all when none is named.
fn tox(repo: &Repository, words: &[&str]) -> Vec<(Arc<str>, Mapped)> {
    let Some(file) = repo.file("tox.ini").or_else(|| repo.file("setup.cfg")) else {
        return Vec::new();
    };
    let named = words
        .windows(2)
        .find(|pair| matches!(pair[0], "-e" | "--env"));
    let names: Option<Vec<&str>> = named.map(|pair| pair[1].split(',').collect());
    let ini = Ini::parse(file.text.as_str(), Dialect::Indented);
    let is_wanted = |section: &str| match (&names, section.strip_prefix("testenv:")) {
        (Some(names), Some(own)) => names.contains(&own),
        (None, _) => section.starts_with("testenv"),
        (Some(_), None) => section == "testenv",
    };
    ini.entries
        .iter()
        .filter(|entry| {
            matches!(
                entry.key.as_str(),
                "commands" | "commands_pre" | "commands_post"
            )
        })
        .filter(|entry| {
            let section = entry.section.and_then(|at| ini.sections.get(at));
            section.is_some_and(|section| is_wanted(&section.name))
        })
        .map(|entry| (Arc::clone(&file.path), entry.value.clone()))
        .collect()
}

/// `bash scripts/ci.sh`, `./scripts/ci.sh`.
fn script<'a>(repo: &'a Repository, words: &[&str]) -> Option<&'a Arc<File>> {
    let first = *words.first()?;
    let path = match first {
        "bash" | "sh" | "source" | "." => {
            words.iter().skip(1).find(|word| !word.starts_with('-'))?
        }
        _ if first.contains('/') => words.first()?,
        _ => return None,
    };
    let path = path.strip_prefix("./").unwrap_or(path);
    repo.file(path).filter(|file| file.kind == FileKind::Shell)
}

/// The commands of a shell text.
pub(super) fn commands(text: &Mapped) -> Vec<Command> {
    shell::parse(text).commands
}
