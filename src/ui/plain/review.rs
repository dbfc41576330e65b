//! The commits to be made, and the word that makes them.

use std::io::Write;
use std::sync::Arc;

use super::ask::Ask;
use super::{Dialogue, Step, index};
use crate::diff::{FileDiff, Stat};
use crate::error::Error;
use crate::git::Repo;
use crate::session::Preview;
use crate::ui::Outcome;
use crate::ui::git_state::GitState;
use crate::ui::outcome::{Applied, summary};
use crate::ui::words::{count, shown};

impl<W: Write, A: Ask> Dialogue<W, A> {
    pub(super) fn review(&mut self) -> Result<Step, Error> {
        if self.survey.chosen().is_empty() {
            self.page.text("Nothing is ticked yet.")?;
            return Ok(Step::Back);
        }
        self.page.gap()?;
        self.page
            .line("Composing the commits and checking them together...")?;
        let session = Arc::clone(&self.survey.session);
        let preview = session.preview(self.survey.chosen());
        let diffs = session.commit_diffs(&preview.commits);
        self.git = GitState::of(&self.path);
        loop {
            let branch = self.branch_name();
            self.describe_review(&preview, &diffs, &branch)?;
            let numbers = match preview.commits.len() {
                1 => "1".to_owned(),
                many => format!("1-{many}"),
            };
            let mut choices = vec![
                ("y", "make the branch with these commits"),
                (numbers.as_str(), "show what a commit changes"),
                ("n", "change the name of the branch"),
                ("b", "back to the strategies; nothing is changed"),
                ("q", "quit"),
            ];
            if preview.commits.is_empty() {
                choices.drain(..2);
            }
            let Some(answer) = self.choose(&choices)? else {
                return Ok(Step::Ended(self.left()));
            };
            match answer.as_str() {
                "y" if !preview.commits.is_empty() => {
                    if let Some(outcome) = self.apply(&preview, &branch)? {
                        return Ok(Step::Ended(outcome));
                    }
                }
                "n" => self.rename()?,
                "b" => return Ok(Step::Back),
                "q" => {
                    if let Some(outcome) = self.quit()? {
                        return Ok(Step::Ended(outcome));
                    }
                }
                other => match index(other, diffs.len()) {
                    Some(commit) => self.diffs(&diffs[commit])?,
                    None => self.not_understood(other)?,
                },
            }
        }
    }

    fn branch_name(&self) -> String {
        let proposed = self.git.as_ref().map(|git| git.default_branch.clone());
        let given = self.branch.clone();
        given.or_else(|| proposed.ok()).unwrap_or_default()
    }

    fn describe_review(
        &mut self,
        preview: &Preview,
        diffs: &[Vec<FileDiff>],
        branch: &str,
    ) -> Result<(), Error> {
        self.page.title("What will be made")?;
        match &self.git {
            Ok(git) => {
                let words = format!("{} on top of {}", shown(branch), git.head);
                self.page.item("Branch: ", &words)?;
                for note in git.notes.clone() {
                    self.page.item("Note: ", &note)?;
                }
            }
            Err(error) => {
                let words = format!("{error}. {}", error.hint().unwrap_or_default());
                self.page.item("Git: ", &words)?;
            }
        }
        if preview.commits.is_empty() {
            self.page.text("There is nothing to commit.")?;
        }
        for (number, (commit, files)) in preview.commits.iter().zip(diffs).enumerate() {
            let stat: Stat = files.iter().map(FileDiff::stat).sum();
            let words = format!(
                "{} ({}, {}, {stat})",
                commit.subject,
                count(commit.fingerprints.len(), "finding", "findings"),
                count(files.len(), "file", "files"),
            );
            self.page.gap()?;
            self.page.item(&format!("{}. ", number + 1), &words)?;
            for line in commit.body.lines() {
                self.page.line(&format!("   {}", shown(line)))?;
            }
        }
        for refused in &preview.refused {
            let found = self.survey.session.assessment.finding(&refused.fingerprint);
            let name = found.map_or("", |found| found.about.id);
            let words = format!("{name}: {}", refused.reason);
            self.page.item("Left out: ", &words)?;
        }
        self.page.gap()?;
        self.page
            .text("Your files, the index and the branch that is checked out stay as they are.")
    }

    fn rename(&mut self) -> Result<(), Error> {
        let name = self.ask.ask("Name of the branch")?.unwrap_or_default();
        let name = name.trim();
        if name.is_empty() {
            return self.page.text("The name stays.");
        }
        let checked = Repo::open(&self.path).and_then(|repo| repo.check_branch_name(name));
        if let Err(error) = checked {
            return self.failure(&error.into());
        }
        self.branch = Some(name.to_owned());
        Ok(())
    }

    /// Makes the branch; nothing when it could not be made, which is said.
    fn apply(&mut self, preview: &Preview, branch: &str) -> Result<Option<Outcome>, Error> {
        match self.survey.session.apply(preview, branch) {
            Ok(created) => {
                let applied = Applied {
                    created,
                    follow_ups: preview.follow_ups(),
                };
                let head = self.git.as_ref().ok().and_then(|git| git.branch.as_deref());
                self.page.gap()?;
                Ok(Some(Outcome::Applied {
                    summary: summary(&applied, head),
                }))
            }
            Err(error) => {
                self.page.gap()?;
                self.page.text("No branch was made.")?;
                self.failure(&error)?;
                Ok(None)
            }
        }
    }
}
