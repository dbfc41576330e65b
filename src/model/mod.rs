//! ③ Trees to one model of the application.

pub mod calls;
pub mod deployment;
pub mod flow;
pub mod modules;
pub mod names;

use std::sync::Arc;

use crate::discover::{Repository, Skipped};
use calls::Calls;
use modules::Modules;
use names::Names;

/// Everything the controls know of a repository. Owned, so that it can cross threads.
#[derive(Debug)]
pub struct Model {
    pub repo: Arc<Repository>,
    pub modules: Modules,
    pub names: Names,
    pub calls: Calls,
}

impl Model {
    pub fn build(repo: Arc<Repository>) -> Self {
        let modules = Modules::parse(&repo);
        Self::link(repo, modules)
    }

    /// The model of an edited repository; trees of files that have not changed are taken over.
    pub fn rebuild(&self, repo: Arc<Repository>) -> Self {
        let modules = Modules::parse_again(&repo, &self.modules);
        Self::link(repo, modules)
    }

    fn link(repo: Arc<Repository>, modules: Modules) -> Self {
        let names = Names::collect(&modules);
        let calls = Calls::index(&modules, &names);
        Self {
            repo,
            modules,
            names,
            calls,
        }
    }

    /// Everything that was not read or not understood, and why.
    pub fn skipped(&self) -> impl Iterator<Item = &Skipped> {
        self.repo.skipped().iter().chain(self.modules.skipped())
    }
}
