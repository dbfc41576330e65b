//! GitHub Actions and GitLab CI: variables at every level, shell steps, which jobs deploy.

use std::sync::Arc;

use super::files::{self, Judged};
use super::reader::Reader;
use super::scope::Scope;
use super::yaml_env::{self, Expansion};
use super::{Form, Stage, Surface, argv, rules};
use crate::discover::File;
use crate::parse::yaml::{Node, Yaml};

/// Words in the name of a job, a stage or an environment that say that it deploys.
const DEPLOYING: &[&str] = &[
    "deploy",
    "deployment",
    "deploys",
    "production",
    "prod",
    "rollout",
    "cd",
];

/// Commands that bring something to where it runs.
const SHIPPING: &[&str] = &[
    "kubectl apply",
    "kubectl set",
    "helm upgrade",
    "helm install",
    "flyctl deploy",
    "fly deploy",
    "gcloud run deploy",
    "gcloud app deploy",
    "aws ecs",
    "eb deploy",
    "serverless deploy",
    "zappa update",
    "heroku container:release",
    "git push heroku",
    "cap production",
    "ansible-playbook",
    "docker stack deploy",
    "az webapp",
    "railway up",
    "rsync ",
    "scp ",
    "ssh ",
];

/// Actions that bring something to where it runs.
const SHIPPING_ACTIONS: &[&str] = &[
    "deploy",
    "heroku",
    "ssh-action",
    "app-engine",
    "cloud-run",
    "webapps",
    "render-",
];

fn deploying_word(name: &str) -> Option<&str> {
    let mut words = name.split(|c: char| !c.is_alphanumeric());
    words.find(|word| {
        DEPLOYING
            .iter()
            .any(|known| word.eq_ignore_ascii_case(known))
    })
}

/// Whether the name of a task says that it deploys.
pub(super) fn says_deploy(name: &str) -> bool {
    deploying_word(name).is_some()
}

/// A CI job is a test unless it deploys.
pub(super) fn judge_job(names: &[&str], ships: Option<&str>) -> Judged {
    for name in names {
        let told = rules::stage_of_name(name).map(|(stage, _)| stage);
        if let Some(word) = deploying_word(name)
            && !matches!(told, Some(Stage::Test | Stage::Development))
        {
            return Judged::new(Stage::Production, format!("the job says \"{word}\""));
        }
    }
    match ships {
        Some(how) => Judged::new(
            Stage::Production,
            format!("the job runs \"{}\"", how.trim()),
        ),
        None => Judged::new(Stage::Test, "a CI job that deploys nothing"),
    }
}

pub(super) fn shipping_command(text: &str) -> Option<&'static str> {
    let begins = |command: &str| {
        text.match_indices(command).any(|(at, _)| {
            text[..at]
                .chars()
                .next_back()
                .is_none_or(|before| before.is_whitespace() || ";&|(".contains(before))
        })
    };
    SHIPPING.iter().copied().find(|command| begins(command))
}

pub(super) fn take(
    reader: &mut Reader<'_>,
    file: &Arc<File>,
    node: Option<Node<'_>>,
    scope: &mut Scope,
) {
    let Some(node) = node else {
        return;
    };
    for setting in yaml_env::of_node(node, &file.path, scope, Expansion::Dollar) {
        let setting = reader.set(setting);
        scope.environment.push(setting);
    }
}

pub(super) fn script(reader: &mut Reader<'_>, file: &Arc<File>, node: Node<'_>, scope: &Scope) {
    if node.is_sequence() {
        for item in node.items() {
            script(reader, file, item, scope);
        }
        return;
    }
    if let Some(scalar) = node.scalar() {
        let form = Form::Shell(argv::quoting_of(scalar.style));
        reader.script(&scalar.value, &file.path, form, scope);
    }
}

/// A workflow, or an action of the repository's own.
pub(super) fn read_github(reader: &mut Reader<'_>, file: &Arc<File>) {
    let yaml = Yaml::parse(file.text.as_str());
    let Some(root) = yaml.root() else {
        return;
    };
    let file_name = files::base_name(&file.path);
    let workflow = root.text("name").unwrap_or_default();
    let jobs = root.get("jobs").map_or(Vec::new(), Node::entries);
    let judged: Vec<Judged> = jobs
        .iter()
        .map(|job| {
            judge_github(
                job.key.as_str().unwrap_or_default(),
                job.value,
                workflow,
                file_name,
            )
        })
        .collect();
    // What the workflow sets, every job sees: one that deploys decides.
    let whole = judged
        .iter()
        .find(|it| it.stage == Stage::Production)
        .cloned();
    let whole = whole.unwrap_or_else(|| judge_job(&[], None));
    let mut scope = Scope::checkout(file, Surface::GithubActions, whole, "");
    take(reader, file, root.get("env"), &mut scope);
    for (job, judged) in jobs.iter().zip(judged) {
        let mut own = scope.clone().named(job.key.as_str().unwrap_or_default());
        own.judged = judged;
        take(reader, file, job.value.get("env"), &mut own);
        for step in job.value.get("steps").into_iter().flat_map(Node::items) {
            let mut inner = own.clone();
            take(reader, file, step.get("env"), &mut inner);
            if let Some(run) = step.get("run") {
                script(reader, file, run, &inner);
            }
        }
    }
}

fn judge_github(id: &str, job: Node<'_>, workflow: &str, file_name: &str) -> Judged {
    let environment = job.get("environment");
    let environment = environment.and_then(|it| it.as_str().or_else(|| it.text("name")));
    let mut names = vec![id];
    names.extend(job.text("name"));
    names.extend(environment);
    let mut ships = None;
    for step in job.get("steps").into_iter().flat_map(Node::items) {
        names.extend(step.text("name"));
        ships = ships.or_else(|| shipping_command(step.text("run")?));
        ships = ships.or_else(|| {
            let uses = step.text("uses")?.split('@').next()?;
            // Publishing documentation is no deployment of the application.
            let pages = uses.contains("pages");
            SHIPPING_ACTIONS
                .iter()
                .copied()
                .find(|action| !pages && uses.contains(action))
        });
    }
    let tells_nothing = |names: &[&str]| judge_job(names, ships).stage != Stage::Production;
    if tells_nothing(&names) {
        let single = rules::stage_of_name(id).is_none_or(|(stage, _)| stage == Stage::Production);
        if single {
            names.extend([workflow, file_name]);
        }
    }
    let of_docs = names.iter().any(|name| {
        name.to_ascii_lowercase().contains("docs")
            || name.contains("documentation")
            || name.contains("pages")
    });
    if of_docs && ships.is_none() {
        return judge_job(&[], None);
    }
    judge_job(&names, ships)
}

/// Keys of `.gitlab-ci.yml` that are no jobs.
const GITLAB_KEYWORDS: &[&str] = &[
    "stages",
    "variables",
    "default",
    "include",
    "workflow",
    "image",
    "services",
    "cache",
    "before_script",
    "after_script",
    "spec",
    "pages",
];

pub(super) fn read_gitlab(reader: &mut Reader<'_>, file: &Arc<File>) {
    let yaml = Yaml::parse(file.text.as_str());
    for root in yaml.documents() {
        let jobs: Vec<_> = root
            .own_entries()
            .filter(|entry| entry.value.is_mapping())
            .filter(|entry| {
                entry
                    .key
                    .as_str()
                    .is_some_and(|key| !GITLAB_KEYWORDS.contains(&key))
            })
            .collect();
        let judged: Vec<Judged> = jobs
            .iter()
            .map(|job| judge_gitlab(job.key.as_str().unwrap_or_default(), job.value))
            .collect();
        let whole = judged
            .iter()
            .find(|it| it.stage == Stage::Production)
            .cloned();
        let whole = whole.unwrap_or_else(|| judge_job(&[], None));
        let mut scope = Scope::checkout(file, Surface::GitlabCi, whole, "");
        take(reader, file, root.get("variables"), &mut scope);
        for (job, judged) in jobs.iter().zip(judged) {
            let mut own = scope.clone().named(job.key.as_str().unwrap_or_default());
            own.judged = judged;
            take(reader, file, job.value.get("variables"), &mut own);
            for key in ["before_script", "script", "after_script"] {
                if let Some(lines) = job.value.get(key) {
                    script(reader, file, lines, &own);
                }
            }
        }
    }
}

fn judge_gitlab(id: &str, job: Node<'_>) -> Judged {
    let environment = job.get("environment");
    let environment = environment.and_then(|it| it.as_str().or_else(|| it.text("name")));
    let mut names = vec![id];
    names.extend(job.text("stage"));
    names.extend(environment);
    let lines = job
        .get("script")
        .map_or(Vec::new(), |script| match script.as_str() {
            Some(one) => vec![one],
            None => script.items().filter_map(Node::as_str).collect(),
        });
    let ships = lines.iter().find_map(|line| shipping_command(line));
    judge_job(&names, ships)
}

/// Whether a name of a Jenkins stage says that it deploys.
pub(super) fn judge_stage_name(name: Option<&str>, script: Option<&str>) -> Judged {
    let names: Vec<&str> = name.into_iter().collect();
    judge_job(&names, script.and_then(shipping_command))
}
