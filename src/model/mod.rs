//! ③ Trees to one model of the application.

pub mod app;
pub mod calls;
pub mod ci;
pub mod config;
pub mod config_files;
pub mod dependencies;
pub mod deployment;
pub mod flow;
pub mod modules;
pub mod names;
pub mod templates;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::discover::{Repository, Skipped};
use app::Apps;
use calls::Calls;
use ci::Ci;
use config::Configuration;
use dependencies::{Advisories, Dependencies};
use deployment::Deployment;
use flow::Flows;
use modules::Modules;
use names::Names;
use templates::Templates;

/// Everything the controls know of a repository. Owned, so that it can cross threads.
#[derive(Debug)]
pub struct Model {
    pub repo: Arc<Repository>,
    pub modules: Modules,
    pub names: Names,
    pub calls: Calls,
    pub apps: Apps,
    pub deployment: Deployment,
    pub configuration: Configuration,
    pub flows: Flows,
    pub dependencies: Dependencies,
    pub templates: Templates,
    pub ci: Ci,
    /// The known vulnerabilities that dependencies are judged by.
    pub advisories: Arc<Advisories>,
    /// Where the data flow was cut, per file.
    unfollowed: Vec<Skipped>,
}

impl Model {
    /// Dependencies are judged by the embedded advisories; see [`Model::with_advisories`].
    pub fn build(repo: Arc<Repository>) -> Self {
        let modules = Modules::parse(&repo);
        Self::link(repo, modules, Advisories::embedded(), &Templates::default())
    }

    /// The same model, with dependencies judged by other advisories.
    #[must_use]
    pub fn with_advisories(self, advisories: Arc<Advisories>) -> Self {
        Self { advisories, ..self }
    }

    /// The model of an edited repository; trees of files that have not changed are taken over.
    pub fn rebuild(&self, repo: Arc<Repository>) -> Self {
        let modules = Modules::parse_again(&repo, &self.modules);
        Self::link(repo, modules, Arc::clone(&self.advisories), &self.templates)
    }

    fn link(
        repo: Arc<Repository>,
        modules: Modules,
        advisories: Arc<Advisories>,
        before: &Templates,
    ) -> Self {
        // Data flow needs nothing of the rest.
        let rest = || {
            let (deployment, dependencies) =
                rayon::join(|| Deployment::read(&repo), || Dependencies::read(&repo));
            let names = Names::collect(&modules);
            let calls = Calls::index(&modules, &names);
            let apps = Apps::find(&modules, &names).ranked_by(&modules, &names, &deployment);
            let configuration = Configuration::resolve(&modules, &names, &apps, &deployment);
            (names, calls, deployment, apps, configuration, dependencies)
        };
        let (mut flows, rest) = rayon::join(|| flow::analyse(&modules), rest);
        let (names, calls, deployment, apps, configuration, dependencies) = rest;
        let templates = Templates::read(
            &repo,
            &templates::Stages {
                modules: &modules,
                names: &names,
                calls: &calls,
                apps: &apps,
                dependencies: &dependencies,
                flows: &flows,
            },
            before,
        );
        flows.settle(|given| templates.way_to(given));
        let ci = Ci::read(&repo);
        Self {
            unfollowed: unfollowed(&repo, &flows),
            repo,
            modules,
            names,
            calls,
            apps,
            deployment,
            configuration,
            flows,
            dependencies,
            templates,
            ci,
            advisories,
        }
    }

    /// Everything that was not read or not understood, and why.
    pub fn skipped(&self) -> impl Iterator<Item = &Skipped> {
        let files = self.repo.skipped().iter().chain(self.modules.skipped());
        files
            .chain(self.dependencies.skipped())
            .chain(&self.unfollowed)
    }
}

/// One line per file in which calls were too deep, or too many, to follow.
fn unfollowed(repo: &Repository, flows: &Flows) -> Vec<Skipped> {
    let mut places: BTreeMap<&str, BTreeMap<&str, BTreeSet<usize>>> = BTreeMap::new();
    for open in &flows.undecided {
        let Some(file) = repo.file(&open.location.path) else {
            continue;
        };
        let line = file.text.line_of(open.location.span.start);
        let of_file = places.entry(&open.location.path).or_default();
        of_file.entry(&open.why).or_default().insert(line);
    }
    let reasons = places.into_iter().flat_map(|(path, reasons)| {
        reasons.into_iter().map(move |(why, lines)| {
            let lines: Vec<String> = lines.iter().map(usize::to_string).collect();
            Skipped {
                path: path.to_owned(),
                reason: format!(
                    "client values are not followed through everything that is called at line {}: \
                     {why}",
                    lines.join(", ")
                ),
            }
        })
    });
    reasons.collect()
}
