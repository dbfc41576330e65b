//! The pipeline as one value: the only door for the wizard, the commands and the reports.
//!
//! ```text
//! Session::scan(path) ─► offer(finding) ─► preview(chosen) ─► apply(chosen, branch)
//! ```

mod apply;
mod message;
mod preview;
mod show;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

pub use preview::{CommitPreview, Preview, Refused};
pub use show::{Excerpt, ExcerptLine};

use crate::assessment::{Assessed, Assessment};
use crate::diff::Secrets;
use crate::discover::Repository;
use crate::edit::dependency::settle;
use crate::error::Error;
use crate::finding::{Patch, PatchKind};
use crate::model::Model;
use crate::patch::{compose, prove};
use crate::settings::{FailOn, Settings};
use crate::strategies::{Answers, registry};
use crate::text::Location;

/// A scanned repository, and what may be done about it.
#[derive(Debug)]
pub struct Session {
    pub model: Arc<Model>,
    pub assessment: Arc<Assessment>,
    answers: Answers,
    /// From which severity on a scan fails, where the project says so.
    pub fail_on: Option<FailOn>,
    /// Offers made so far, by fingerprint.
    offers: Mutex<BTreeMap<String, Arc<Offer>>>,
    /// What has to be masked; found when it is first asked for.
    secrets: OnceLock<Secrets>,
    masked: OnceLock<Vec<Location>>,
}

/// A patch for one finding, made and proven when it was first asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    pub patch: Patch,
    /// Why the patch is not offered as an edit after all: its proof failed.
    pub flaw: Option<String>,
}

impl Offer {
    /// Whether there is something to apply.
    pub fn is_applicable(&self) -> bool {
        self.patch.kind != PatchKind::Manual && self.flaw.is_none() && !self.patch.edits.is_empty()
    }

    /// Whether it is chosen without being asked for: legitimate use is unchanged.
    pub fn is_preselected(&self) -> bool {
        self.is_applicable() && self.patch.kind == PatchKind::Safe
    }
}

/// How far a scan has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    Reading,
    /// The number of files read.
    Understanding(usize),
    Judging(usize),
}

impl Session {
    /// Reads and assesses the repository at `path` as its settings say. `progress` is called
    /// from this thread.
    pub fn scan(
        path: &Path,
        answers: Answers,
        progress: impl FnMut(Progress),
    ) -> Result<Self, Error> {
        let run = Settings {
            answers,
            ..Settings::default()
        };
        Self::scan_with(path, run, progress)
    }

    /// As [`Session::scan`]; the settings of this `run` go before those of the project.
    pub fn scan_with(
        path: &Path,
        run: Settings,
        mut progress: impl FnMut(Progress),
    ) -> Result<Self, Error> {
        progress(Progress::Reading);
        let settings = Settings::of_project(path)?.overridden_by(run);
        let repo = Arc::new(Repository::discover_without(path, &settings.exclude)?);
        let files = repo.files().count();
        progress(Progress::Understanding(files));
        let mut model = Model::build(repo);
        if let Some(advisories) = settings.advisories {
            model = model.with_advisories(advisories);
        }
        if model.modules.is_empty() && model.skipped().next().is_none() {
            return Err(Error::NoPython { path: path.into() });
        }
        progress(Progress::Judging(files));
        let mut assessment = Assessment::of(&model);
        assessment.disable(&settings.disabled);
        Ok(Self {
            model: Arc::new(model),
            assessment: Arc::new(assessment),
            answers: settings.answers,
            fail_on: settings.fail_on,
            offers: Mutex::default(),
            secrets: OnceLock::new(),
            masked: OnceLock::new(),
        })
    }

    /// Assesses a model that exists already.
    pub fn of(model: Model, answers: Answers) -> Self {
        Self {
            assessment: Arc::new(Assessment::of(&model)),
            model: Arc::new(model),
            answers,
            fail_on: None,
            offers: Mutex::default(),
            secrets: OnceLock::new(),
            masked: OnceLock::new(),
        }
    }

    /// A session whose assessment and offers are given: for tests of what shows them.
    #[cfg(test)]
    pub(crate) fn staged(
        model: Model,
        assessment: Assessment,
        offers: BTreeMap<String, Arc<Offer>>,
    ) -> Self {
        Self {
            assessment: Arc::new(assessment),
            offers: Mutex::new(offers),
            ..Self::of(model, Answers::default())
        }
    }

    pub fn answers(&self) -> &Answers {
        &self.answers
    }

    /// Takes an answer to a remedy's option; offers are made anew with it.
    pub fn answer(&mut self, key: &str, value: &str) {
        self.answers.set(key, value);
        self.offers
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }

    /// The same repository under one more answer. Nothing is scanned again; offers are made
    /// anew when they are asked for.
    #[must_use]
    pub fn answered(&self, key: &str, value: &str) -> Self {
        let mut answers = self.answers.clone();
        answers.set(key, value);
        Self {
            model: Arc::clone(&self.model),
            assessment: Arc::clone(&self.assessment),
            answers,
            fail_on: self.fail_on,
            offers: Mutex::default(),
            secrets: OnceLock::new(),
            masked: OnceLock::new(),
        }
    }

    /// What the finding's control would do, without its proof: cheap, for reports.
    pub fn remedy(&self, found: &Assessed) -> Option<Patch> {
        let control = registry::by_id(found.about.id)?;
        let patch = control.remedy(&self.model, &found.finding, &self.answers);
        Some(settle(&self.model.repo, &self.model.dependencies, patch))
    }

    /// The patch for a finding, proven. Made on the first call and remembered.
    pub fn offer(&self, fingerprint: &str) -> Option<Arc<Offer>> {
        if let Some(known) = self.offers().get(fingerprint) {
            return Some(Arc::clone(known));
        }
        let found = self.assessment.finding(fingerprint)?;
        let patch = self.remedy(found)?;
        let flaw = self.flaw_of(fingerprint, &patch);
        let offer = Arc::new(Offer { patch, flaw });
        self.offers()
            .insert(fingerprint.to_owned(), Arc::clone(&offer));
        Some(offer)
    }

    fn flaw_of(&self, fingerprint: &str, patch: &Patch) -> Option<String> {
        if patch.kind == PatchKind::Manual || patch.edits.is_empty() {
            return None;
        }
        let composition = match compose(&self.model, &[patch]) {
            Ok(composition) => composition,
            Err(conflicts) => {
                let first = conflicts.into_iter().next()?;
                return Some(format!("{}: {}", first.path, first.reason));
            }
        };
        let mended = std::iter::once(fingerprint.to_owned()).collect();
        let proof = prove(&self.model, &self.assessment, &composition, &mended);
        proof.err()?.first().map(ToString::to_string)
    }

    fn offers(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Arc<Offer>>> {
        self.offers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
