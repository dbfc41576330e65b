//! Work off the screen's thread. Results come back as actions.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;

use super::action::{Action, Job, Previewed};
use super::state::State;
use crate::error::GitError;
use crate::git::Repo;
use crate::session::{Preview, Session};
use crate::settings::Settings;
use crate::strategies::Answers;
use crate::ui::git_state::GitState;
use crate::ui::outcome::Applied;
use crate::ui::survey::{Offered, Survey};

/// Syntax trees are walked recursively, and the discovery lets deep ones through.
const STACK: usize = 64 * 1024 * 1024;

/// Starts work and sends home what comes of it.
pub struct Worker {
    path: PathBuf,
    /// Decisions of this run, which every scan follows.
    run: Settings,
    sender: Sender<Action>,
    offers: Arc<Queue>,
}

/// The patches to be made, the most wanted first.
#[derive(Default)]
struct Queue {
    jobs: Mutex<Jobs>,
    filled: Condvar,
}

#[derive(Default)]
struct Jobs {
    session: Option<(u64, Arc<Session>)>,
    fingerprints: VecDeque<String>,
    ended: bool,
}

impl Worker {
    pub fn new(path: &Path, run: Settings, sender: Sender<Action>) -> Self {
        let worker = Self {
            path: path.into(),
            run,
            sender,
            offers: Arc::default(),
        };
        let queue = Arc::clone(&worker.offers);
        let sender = worker.sender.clone();
        worker.spawn(move || queue.work(&sender));
        worker
    }

    /// Starts `job`. Without a survey there is nothing to do for most of them.
    pub fn start(&self, state: &State, job: Job) {
        let survey = state.survey.as_ref();
        match (job, survey) {
            (Job::Scan(answers), _) => {
                self.scan(answers);
                self.git();
            }
            (Job::CheckBranch(name), _) => self.check_branch(name),
            (_, None) => {}
            (Job::Offers(names), Some(survey)) => self.offers.put(survey, names),
            (Job::Preview, Some(survey)) => self.preview(survey),
            (Job::Answer { key, value }, Some(survey)) => {
                self.answer(&survey.session, key, value);
            }
            (Job::Apply { preview, branch }, Some(survey)) => {
                self.apply(&survey.session, preview, branch);
            }
        }
    }

    pub fn scan(&self, answers: Answers) {
        let (path, sender) = (self.path.clone(), self.sender.clone());
        let run = Settings {
            answers,
            ..self.run.clone()
        };
        self.spawn(move || {
            let report = |progress| send(&sender, Action::Progress(progress));
            let scanned = Session::scan_with(&path, run, report);
            let survey = scanned.map(|session| Box::new(Survey::new(Arc::new(session))));
            send(&sender, Action::Scanned(survey));
        });
    }

    /// Takes an answer into account; the survey that comes back has other patches.
    fn answer(&self, session: &Arc<Session>, key: String, value: String) {
        let (session, sender) = (Arc::clone(session), self.sender.clone());
        self.spawn(move || {
            let answered = session.answered(&key, &value);
            let survey = Survey::new(Arc::new(answered));
            send(&sender, Action::Scanned(Ok(Box::new(survey))));
        });
    }

    /// Looks at git.
    pub fn git(&self) {
        let (path, sender) = (self.path.clone(), self.sender.clone());
        self.spawn(move || send(&sender, Action::Git(GitState::of(&path))));
    }

    /// Composes what is ticked, and looks at git once more.
    fn preview(&self, survey: &Survey) {
        let (path, sender) = (self.path.clone(), self.sender.clone());
        let (session, number) = (Arc::clone(&survey.session), survey.number);
        let chosen = survey.chosen().clone();
        self.git();
        self.spawn(move || {
            let preview = session.preview(&chosen);
            let paths: Vec<&str> = preview
                .composition
                .texts
                .keys()
                .map(|path| &**path)
                .collect();
            // Where git cannot be asked, the review says so by itself.
            let uncommitted = Repo::open(&path).and_then(|repo| repo.uncommitted(&paths));
            let known = |path: &String| session.model.repo.file(path).is_some();
            let mut uncommitted = uncommitted.unwrap_or_default();
            uncommitted.retain(known);
            let previewed = Previewed {
                survey: number,
                chosen,
                diffs: session.commit_diffs(&preview.commits),
                uncommitted,
                preview: Arc::new(preview),
            };
            send(&sender, Action::Previewed(Box::new(previewed)));
        });
    }

    fn check_branch(&self, name: String) {
        let (path, sender) = (self.path.clone(), self.sender.clone());
        self.spawn(move || {
            let checked = Repo::open(&path).and_then(|repo| repo.check_branch_name(&name));
            let problem = match checked {
                Err(error @ (GitError::BranchExists { .. } | GitError::BadBranchName { .. })) => {
                    Some(error.to_string())
                }
                // Anything else has its own place on the screen.
                Ok(()) | Err(_) => None,
            };
            send(&sender, Action::BranchChecked { name, problem });
        });
    }

    fn apply(&self, session: &Arc<Session>, preview: Arc<Preview>, branch: String) {
        let (session, sender) = (Arc::clone(session), self.sender.clone());
        self.spawn(move || {
            let applied = session.apply(&preview, &branch).map(|created| {
                Box::new(Applied {
                    created,
                    follow_ups: preview.follow_ups(),
                })
            });
            send(&sender, Action::Applied(applied));
        });
    }

    fn spawn(&self, work: impl FnOnce() + Send + 'static) {
        let sender = self.sender.clone();
        let caught = move || {
            if let Err(panic) = catch_unwind(AssertUnwindSafe(work)) {
                let text = panic.downcast_ref::<String>().cloned();
                let text = text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string));
                send(&sender, Action::WorkerLost(text.unwrap_or_default()));
            }
        };
        let started = thread::Builder::new().stack_size(STACK).spawn(caught);
        if let Err(error) = started {
            send(&self.sender, Action::WorkerLost(error.to_string()));
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.offers.lock().ended = true;
        self.offers.filled.notify_all();
    }
}

impl Queue {
    fn lock(&self) -> std::sync::MutexGuard<'_, Jobs> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, survey: &Survey, fingerprints: Vec<String>) {
        let mut jobs = self.lock();
        let is_new = jobs
            .session
            .as_ref()
            .is_none_or(|(number, _)| *number != survey.number);
        if is_new {
            jobs.fingerprints.clear();
            jobs.session = Some((survey.number, Arc::clone(&survey.session)));
        }
        jobs.fingerprints
            .retain(|name| !fingerprints.contains(name));
        for fingerprint in fingerprints.into_iter().rev() {
            jobs.fingerprints.push_front(fingerprint);
        }
        self.filled.notify_one();
    }

    /// Makes patches until the wizard ends.
    fn work(&self, sender: &Sender<Action>) {
        while let Some((survey, session, fingerprint)) = self.next() {
            let Some(offer) = session.offer(&fingerprint) else {
                continue;
            };
            let diffs = match offer.is_applicable() {
                true => session.diffs(&fingerprint),
                false => Vec::new(),
            };
            let offered = Offered {
                offer,
                diffs: Arc::new(diffs),
            };
            send(
                sender,
                Action::Offered {
                    survey,
                    fingerprint,
                    offered,
                },
            );
        }
    }

    fn next(&self) -> Option<(u64, Arc<Session>, String)> {
        let mut jobs = self.lock();
        loop {
            if jobs.ended {
                return None;
            }
            if let Some((number, session)) = jobs.session.clone()
                && let Some(fingerprint) = jobs.fingerprints.pop_front()
            {
                return Some((number, session, fingerprint));
            }
            jobs = self
                .filled
                .wait(jobs)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// The receiver is gone only when the wizard has ended: then nobody waits for anything.
fn send(sender: &Sender<Action>, action: Action) {
    let _ = sender.send(action);
}
