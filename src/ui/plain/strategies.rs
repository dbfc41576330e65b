//! The strategies, and the findings of one of them.

use std::io::Write;

use super::ask::Ask;
use super::{Dialogue, Step, index};
use crate::error::Error;
use crate::finding::{PatchKind, Verdict};
use crate::settings::Settings;
use crate::strategies::strategy::STRATEGIES;
use crate::ui::survey::{Row, Tick};
use crate::ui::words::{count, counts_words, left_out_words, shown};

impl<W: Write, A: Ask> Dialogue<W, A> {
    /// The main menu.
    pub(super) fn strategies(&mut self) -> Result<Step, Error> {
        loop {
            self.list_strategies()?;
            let answer = self.choose(&[
                ("1-6", "open a strategy"),
                ("a", "review the commits to be made; nothing is applied yet"),
                (
                    "s",
                    "about this scan: files, what was skipped, advisories, git",
                ),
                ("r", "scan again; choices are kept"),
                ("q", "quit"),
            ])?;
            let Some(answer) = answer else {
                return Ok(Step::Back);
            };
            let step = match answer.as_str() {
                "a" => self.review()?,
                "s" => self.about_scan()?,
                "r" => self.rescan()?,
                "q" => match self.quit()? {
                    Some(outcome) => Step::Ended(outcome),
                    None => Step::Back,
                },
                other => match index(other, STRATEGIES.len()) {
                    Some(strategy) => self.strategy(strategy)?,
                    None => {
                        self.not_understood(other)?;
                        Step::Back
                    }
                },
            };
            if let Step::Ended(outcome) = step {
                return Ok(Step::Ended(outcome));
            }
        }
    }

    fn list_strategies(&mut self) -> Result<(), Error> {
        self.page.title("Strategies")?;
        for (number, strategy) in STRATEGIES.into_iter().enumerate() {
            let counts = counts_words(self.survey.counts(strategy), ", ");
            let worst = self.survey.worst(strategy);
            let (ticked, all) = self.survey.ticked(number);
            self.page.item(
                &format!("{}. ", number + 1),
                &format!(
                    "{}: {counts}. Worst impact {} now, {} with what is ticked. {ticked} of {} \
                     ticked.",
                    strategy.title,
                    worst.now,
                    worst.after,
                    count(all, "patch", "patches"),
                ),
            )?;
        }
        Ok(())
    }

    fn strategy(&mut self, strategy: usize) -> Result<Step, Error> {
        self.describe_strategy(strategy)?;
        loop {
            self.list_findings(strategy)?;
            let length = self.survey.rows(strategy).len();
            let numbers = match length {
                0 => String::new(),
                1 => "1".into(),
                many => format!("1-{many}"),
            };
            let mut choices = vec![
                (numbers.as_str(), "open a finding"),
                ("x", "tick all safe patches"),
                ("X", "untick all patches"),
                ("u", "undo the last tick"),
                ("i", "explain the strategy"),
                ("b", "back to the strategies"),
                ("q", "quit"),
            ];
            if length == 0 {
                choices.remove(0);
            }
            let Some(answer) = self.choose(&choices)? else {
                return Ok(Step::Ended(self.left()));
            };
            match answer.as_str() {
                "b" => return Ok(Step::Back),
                "q" => {
                    if let Some(outcome) = self.quit()? {
                        return Ok(Step::Ended(outcome));
                    }
                }
                "x" => self.tick_safe(strategy)?,
                "X" => {
                    let names = self.survey.fingerprints(strategy);
                    let unticked = self.survey.untick(&names);
                    let words = format!("{} unticked.", count(unticked, "patch", "patches"));
                    self.page.text(&words)?;
                }
                "u" => {
                    let words = match self.survey.undo() {
                        true => "The last tick is undone.",
                        false => "There is nothing to undo.",
                    };
                    self.page.text(words)?;
                }
                "i" => self.explain(STRATEGIES[strategy].page)?,
                other => match index(other, length) {
                    Some(row) => {
                        if let Step::Ended(outcome) = self.row(strategy, row)? {
                            return Ok(Step::Ended(outcome));
                        }
                    }
                    None => self.not_understood(other)?,
                },
            }
        }
    }

    fn tick_safe(&mut self, strategy: usize) -> Result<(), Error> {
        let names = self.survey.fingerprints(strategy);
        let (ticked, review) = self.survey.tick_safe(&names);
        let mut words = format!("{} ticked.", count(ticked, "safe patch", "safe patches"));
        if review > 0 {
            let left = count(review, "other wants", "others want");
            words.push_str(&format!(" {left} a look first: open it and tick it there."));
        }
        self.page.text(&words)
    }

    fn describe_strategy(&mut self, strategy: usize) -> Result<(), Error> {
        let about = STRATEGIES[strategy];
        self.page.title(about.title)?;
        self.page.line("Threats:")?;
        let impacts = self
            .survey
            .session
            .assessment
            .impacts(about, self.survey.chosen());
        for impact in impacts {
            self.page.item(
                "  - ",
                &format!(
                    "{}: {} without any control, {} now, {} with what is ticked. Now, because {}.",
                    impact.threat.name,
                    impact.before,
                    impact.now.severity,
                    impact.after.severity,
                    impact.now.because.trim_end_matches('.'),
                ),
            )?;
        }
        self.page.line("Controls:")?;
        let session = std::sync::Arc::clone(&self.survey.session);
        for judged in session.assessment.of_strategy(about) {
            let says = match &judged.verdict {
                Verdict::Missing { findings, .. } => {
                    format!("missing, {}", count(findings.len(), "finding", "findings"))
                }
                Verdict::Implemented { .. } => "in place".into(),
                Verdict::NotApplicable { reason } => format!("not needed: {reason}"),
                Verdict::Undecided { question, .. } => format!("undecided: {question}"),
            };
            let words = format!("{}: {says}", judged.about.id);
            self.page.item("  - ", &words)?;
            for evidence in judged.verdict.evidence() {
                let line = session.line_of(&evidence.location);
                let path = shown(&evidence.location.path);
                let words = format!("{path}:{line} {}", evidence.note);
                self.page.item("    ", &words)?;
            }
        }
        Ok(())
    }

    fn list_findings(&mut self, strategy: usize) -> Result<(), Error> {
        self.page.gap()?;
        let rows = self.survey.rows(strategy).to_vec();
        if rows.is_empty() {
            return self.page.text(
                "Nothing is open here: each control of this strategy is in place or not needed.",
            );
        }
        self.page.line("Findings:")?;
        for (number, row) in rows.into_iter().enumerate() {
            let words = self.row_words(row);
            let mark = format!("{:>3}. ", number + 1);
            self.page.item(&mark, &words)?;
        }
        Ok(())
    }

    fn row_words(&self, row: Row) -> String {
        let survey = &self.survey;
        if let Some(judged) = survey.question(row) {
            return format!("a question: {}", judged.about.id);
        }
        let Some(found) = survey.finding(row) else {
            return String::new();
        };
        let place = self.place(found);
        let tick = survey.tick(&found.fingerprint);
        let remedy = survey.remedy(&found.fingerprint);
        let patch = match (tick, remedy.map(|remedy| remedy.kind)) {
            (Tick::Flawed, _) => "no patch".to_owned(),
            (Tick::Ticked, Some(kind)) => format!("{} patch, ticked", kind.word()),
            (Tick::Open, Some(kind)) => format!("{} patch, not ticked", kind.word()),
            _ => format!("{}, words only", PatchKind::Manual.word()),
        };
        format!(
            "{}, {patch}: {} at {place}",
            found.finding.severity, found.about.id
        )
    }

    fn rescan(&mut self) -> Result<Step, Error> {
        let run = Settings {
            answers: self.survey.session.answers().clone(),
            ..self.run.clone()
        };
        match super::scan(&self.path, run, &mut self.page) {
            Ok(survey) => self.survey = survey.with_choices_of(&self.survey),
            Err(error) => self.failure(&error)?,
        }
        self.git = crate::ui::git_state::GitState::of(&self.path);
        Ok(Step::Back)
    }

    /// What went wrong, and what to do.
    pub(super) fn failure(&mut self, error: &Error) -> Result<(), Error> {
        self.page.text(&format!("Error: {error}."))?;
        match error.hint() {
            Some(hint) => self.page.text(&hint),
            None => Ok(()),
        }
    }

    fn about_scan(&mut self) -> Result<Step, Error> {
        let session = std::sync::Arc::clone(&self.survey.session);
        let model = &session.model;
        self.page.title("About this scan")?;
        let folder = model.repo.root().display().to_string();
        self.page.item("Folder: ", &folder)?;
        let files = model.repo.files().count();
        self.page.item("Files read: ", &files.to_string())?;
        let advisories = &model.advisories;
        let words = format!("as of {} ({})", advisories.date, advisories.source);
        self.page.item("Advisories: ", &words)?;
        let git = match &self.git {
            Ok(git) => git.head.clone(),
            Err(error) => error.to_string(),
        };
        self.page.item("Git: ", &git)?;
        for words in left_out_words(&session.assessment) {
            self.page.item("Not shown: ", &words)?;
        }
        let skipped: Vec<_> = model.skipped().collect();
        let words = count(skipped.len(), "file", "files");
        self.page.item("Skipped: ", &words)?;
        for file in skipped {
            let words = format!("{}: {}", shown(&file.path), file.reason);
            self.page.item("  - ", &words)?;
        }
        Ok(Step::Back)
    }
}
