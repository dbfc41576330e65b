//! Where known vulnerabilities are looked for.

use std::sync::Arc;

use super::runs::{self, Run, What};
use super::{CiFile, System};
use crate::discover::Repository;
use crate::parse::python::Module;
use crate::parse::shell::{Command, Follows};
use crate::parse::yaml::Yaml;
use crate::text::{Location, Span};

/// One call of an auditor that CI makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audit {
    pub tool: Tool,
    /// The command, or the action's name.
    pub location: Location,
    /// Where `--strict` goes, for a command of pip-audit without it.
    pub strict_goes: Option<usize>,
    /// Whether what could not be audited fails it. Only pip-audit leaves that open.
    pub strict: bool,
    /// Why a vulnerability does not fail the build; none where it does.
    pub may_pass: Option<&'static str>,
    /// The text that lets it pass, and what to put in its place.
    pub mend: Option<(Span, &'static str)>,
    pub on_commit: bool,
    pub scheduled: bool,
    /// The CI file that leads there.
    pub through: Arc<str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tool {
    PipAudit,
    /// `pypa/gh-action-pip-audit`.
    PipAuditAction,
    Safety,
    Snyk,
    OsvScanner,
    Trivy,
    Grype,
    Pipenv,
    GitLabScanning,
}

impl Tool {
    pub const fn label(self) -> &'static str {
        match self {
            Self::PipAudit => "pip-audit",
            Self::PipAuditAction => "gh-action-pip-audit",
            Self::Safety => "safety",
            Self::Snyk => "Snyk",
            Self::OsvScanner => "OSV-Scanner",
            Self::Trivy => "Trivy",
            Self::Grype => "Grype",
            Self::Pipenv => "pipenv",
            Self::GitLabScanning => "GitLab's dependency scanning",
        }
    }
}

/// Calls nest (CI calls make, make calls a script); deeper than this is nobody's CI.
const MAX_DEPTH: usize = 4;

struct Search<'a> {
    repo: &'a Repository,
    found: Vec<Audit>,
    /// The pre-commit hooks run in CI too.
    runs_hooks: Option<CiFile>,
}

pub(super) fn find(repo: &Repository, files: &[CiFile]) -> Vec<Audit> {
    let mut search = Search {
        repo,
        found: Vec::new(),
        runs_hooks: None,
    };
    for ci in files.iter().filter(|ci| ci.system != System::PreCommit) {
        let Some(file) = repo.file(&ci.path) else {
            continue;
        };
        for run in runs::of_file(file, ci.system) {
            search.run(ci, &run, 0);
        }
        if ci.system == System::GitLab && file.text.as_str().contains("Dependency-Scanning") {
            search.gitlab_template(ci, file.text.as_str());
        }
    }
    for hooks in files.iter().filter(|ci| ci.system == System::PreCommit) {
        search.hooks(hooks);
    }
    search.found
}

impl Search<'_> {
    fn run(&mut self, ci: &CiFile, run: &Run, depth: usize) {
        match &run.what {
            What::Action { name, span, inputs } => {
                if name.starts_with("pre-commit/action") {
                    self.runs_hooks.get_or_insert_with(|| ci.clone());
                }
                if let Some(tool) = tool_of_action(name) {
                    self.action(ci, run, tool, *span, inputs);
                }
            }
            What::Shell(text) => {
                let commands = runs::commands(text);
                for (index, command) in commands.iter().enumerate() {
                    self.command(ci, run, command, commands.get(index + 1), depth);
                }
            }
        }
    }

    fn action(
        &mut self,
        ci: &CiFile,
        run: &Run,
        tool: Tool,
        span: Span,
        inputs: &[(String, String)],
    ) {
        let input = |name: &str| {
            let mut named = inputs.iter().filter(|(key, _)| key == name);
            named.next().map(|(_, value)| value.as_str())
        };
        let forgiven = input("internal-be-careful-allow-failure") == Some("true");
        self.push(
            ci,
            run,
            Audit {
                tool,
                location: Location::new(&run.path, span),
                strict_goes: None,
                strict: true,
                may_pass: forgiven.then_some("internal-be-careful-allow-failure lets the job pass"),
                mend: None,
                on_commit: true,
                scheduled: true,
                through: Arc::clone(&ci.path),
            },
        );
    }

    fn command(
        &mut self,
        ci: &CiFile,
        run: &Run,
        command: &Command,
        next: Option<&Command>,
        depth: usize,
    ) {
        let words: Vec<&str> = command.words.iter().map(|word| word.text()).collect();
        let lead = launcher(&words);
        let own = &words[lead..];
        if let Some(tool) = tool_of_command(own) {
            let is_pip_audit = tool == Tool::PipAudit;
            let strict = own.iter().any(|word| matches!(*word, "--strict" | "-S"));
            let program = command.words.get(lead).map(|word| word.span.end);
            self.push(
                ci,
                run,
                Audit {
                    tool,
                    location: Location::new(&run.path, command.span),
                    strict_goes: program.filter(|_| is_pip_audit && !strict),
                    strict: strict || !is_pip_audit,
                    may_pass: forgives(own, next),
                    mend: swallowing(next)
                        .map(|next| (Span::new(command.span.end, next.span.end), "")),
                    on_commit: true,
                    scheduled: true,
                    through: Arc::clone(&ci.path),
                },
            );
            return;
        }
        match own.first().copied() {
            Some("pre-commit") if own.get(1) == Some(&"run") => {
                self.runs_hooks.get_or_insert_with(|| ci.clone());
            }
            Some("nox") => self.sessions(ci, run),
            _ if depth < MAX_DEPTH => {
                for inner in runs::called(self.repo, run, command) {
                    self.run(ci, &inner, depth + 1);
                }
            }
            _ => {}
        }
    }

    /// `session.run("pip-audit", …)` of a noxfile.
    fn sessions(&mut self, ci: &CiFile, run: &Run) {
        let Some(file) = self.repo.file("noxfile.py") else {
            return;
        };
        let Ok(module) = Module::parse(Arc::clone(file)) else {
            return;
        };
        for (span, arguments) in session_runs(&module) {
            let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
            let own = &words[launcher(&words)..];
            let Some(tool) = tool_of_command(own) else {
                continue;
            };
            let strict = own.iter().any(|word| matches!(*word, "--strict" | "-S"));
            self.push(
                ci,
                run,
                Audit {
                    tool,
                    location: Location::new(&file.path, span),
                    strict_goes: None,
                    strict: strict || tool != Tool::PipAudit,
                    may_pass: None,
                    mend: None,
                    on_commit: true,
                    scheduled: true,
                    through: Arc::clone(&ci.path),
                },
            );
        }
    }

    fn hooks(&mut self, hooks: &CiFile) {
        let Some(file) = self.repo.file(&hooks.path) else {
            return;
        };
        let yaml = Yaml::parse(file.text.as_str());
        let repos = yaml.root().and_then(|root| root.get("repos"));
        let all = repos.into_iter().flat_map(|repos| repos.items());
        for hook in all
            .filter_map(|repo| repo.get("hooks"))
            .flat_map(|hooks| hooks.items())
        {
            let Some(id) = hook.get("id") else { continue };
            let tool = match id.as_str() {
                Some("pip-audit") => Tool::PipAudit,
                Some("python-safety-dependencies-check") => Tool::Safety,
                _ => continue,
            };
            let arguments = hook.get("args").into_iter().flat_map(|args| args.items());
            let strict = arguments
                .filter_map(|word| word.as_str())
                .any(|word| word == "--strict");
            let run_by_ci = self.runs_hooks.clone();
            self.found.push(Audit {
                tool,
                location: Location::new(&file.path, id.span()),
                strict_goes: None,
                strict: strict || tool != Tool::PipAudit,
                may_pass: run_by_ci.is_none().then_some(
                    "nothing in CI runs the pre-commit hooks, and `--no-verify` skips them",
                ),
                on_commit: true,
                mend: None,
                scheduled: run_by_ci.as_ref().is_some_and(|ci| ci.triggers.scheduled),
                through: run_by_ci.map_or_else(|| Arc::clone(&file.path), |ci| ci.path),
            });
        }
    }

    fn gitlab_template(&mut self, ci: &CiFile, text: &str) {
        let at = text.find("Dependency-Scanning").unwrap_or(0);
        self.found.push(Audit {
            tool: Tool::GitLabScanning,
            location: Location::new(&ci.path, Span::new(at, at + "Dependency-Scanning".len())),
            strict_goes: None,
            strict: true,
            may_pass: Some("GitLab's dependency scanning reports, and lets the pipeline pass"),
            mend: None,
            on_commit: true,
            scheduled: ci.triggers.scheduled,
            through: Arc::clone(&ci.path),
        });
    }

    /// Adds an audit, with what its job and its file say of when it runs.
    fn push(&mut self, ci: &CiFile, run: &Run, audit: Audit) {
        let audit = Audit {
            may_pass: audit.may_pass.or(run.forgiven.map(|forgiven| forgiven.why)),
            mend: audit
                .mend
                .or(run.forgiven.and_then(|forgiven| forgiven.mend)),
            on_commit: ci.triggers.on_commit && !run.only_scheduled,
            scheduled: ci.triggers.scheduled || run.only_scheduled,
            ..audit
        };
        let known = self
            .found
            .iter()
            .any(|other| other.location == audit.location);
        if !known {
            self.found.push(audit);
        }
    }
}

fn tool_of_action(name: &str) -> Option<Tool> {
    let name = name.split('@').next().unwrap_or(name);
    Some(match name {
        "pypa/gh-action-pip-audit" | "trailofbits/gh-action-pip-audit" => Tool::PipAuditAction,
        "pyupio/safety-action" => Tool::Safety,
        "aquasecurity/trivy-action" => Tool::Trivy,
        "anchore/scan-action" => Tool::Grype,
        _ if name.starts_with("snyk/actions") => Tool::Snyk,
        _ if name.starts_with("google/osv-scanner") => Tool::OsvScanner,
        _ => return None,
    })
}

/// How many words only start another program (`python -m`, `uv run`, `sudo`).
fn launcher(words: &[&str]) -> usize {
    let mut at = 0;
    while let Some(word) = words.get(at) {
        let name = word.rsplit('/').next().unwrap_or(word);
        let next = words.get(at + 1).copied();
        let step = match (name, next) {
            ("sudo" | "time" | "exec" | "uvx" | "npx" | "env" | "xvfb-run", _) => 1,
            ("poetry" | "pipenv" | "pdm" | "hatch" | "pipx" | "uv" | "rye", Some("run")) => 2,
            (python, Some("-m")) if python.starts_with("python") || python == "py" => 2,
            ("uv", Some("tool")) if words.get(at + 2) == Some(&"run") => 3,
            _ => break,
        };
        at += step;
        while words.get(at).is_some_and(|word| word.starts_with('-')) {
            let takes_value = matches!(words[at], "--with" | "--from" | "--python" | "-p");
            at += 1 + usize::from(takes_value);
        }
    }
    at.min(words.len())
}

fn tool_of_command(words: &[&str]) -> Option<Tool> {
    let program = words.first()?;
    let name = program.rsplit('/').next().unwrap_or(program);
    let second = words.get(1).copied().unwrap_or_default();
    Some(match name {
        "pip-audit" | "pip_audit" => Tool::PipAudit,
        "safety" if matches!(second, "check" | "scan") || second.starts_with('-') => Tool::Safety,
        "snyk" if second == "test" => Tool::Snyk,
        "osv-scanner" => Tool::OsvScanner,
        "trivy" if matches!(second, "fs" | "filesystem" | "repo" | "repository") => Tool::Trivy,
        "grype" => Tool::Grype,
        "pipenv" if matches!(second, "check" | "audit" | "scan") => Tool::Pipenv,
        _ => return None,
    })
}

/// The command behind `||` that makes the line succeed.
fn swallowing(next: Option<&Command>) -> Option<&Command> {
    next.filter(|next| {
        let program = next.program().unwrap_or_default();
        let exits_well =
            program == "exit" && next.words.get(1).is_some_and(|word| word.text() == "0");
        next.follows == Follows::Or && (matches!(program, "true" | ":" | "echo") || exits_well)
    })
}

/// `pip-audit || true`, `safety check --continue-on-error`.
fn forgives(words: &[&str], next: Option<&Command>) -> Option<&'static str> {
    if swallowing(next).is_some() {
        return Some("`|| true` behind it swallows the failure");
    }
    words
        .contains(&"--continue-on-error")
        .then_some("--continue-on-error makes it pass")
}

/// The string arguments of every `session.run(…)`.
fn session_runs(module: &Module) -> Vec<(Span, Vec<String>)> {
    use ruff_python_ast::visitor::source_order::{SourceOrderVisitor, walk_expr};
    use ruff_python_ast::{Expr, Stmt};
    use ruff_text_size::Ranged as _;

    struct Runs(Vec<(Span, Vec<String>)>);
    impl<'a> SourceOrderVisitor<'a> for Runs {
        fn visit_expr(&mut self, expr: &'a Expr) {
            if let Expr::Call(call) = expr
                && let Expr::Attribute(attribute) = call.func.as_ref()
                && attribute.attr.as_str() == "run"
            {
                let strings = call.arguments.args.iter().filter_map(|argument| {
                    let string = argument.as_string_literal_expr()?;
                    Some(string.value.to_str().to_owned())
                });
                self.0.push((call.range().into(), strings.collect()));
            }
            walk_expr(self, expr);
        }
    }
    let mut runs = Runs(Vec::new());
    let body: &[Stmt] = module.body();
    runs.visit_body(body);
    runs.0
}
