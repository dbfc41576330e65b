//! One finding: what it is, what its patch does, and the decision.

use std::io::Write;
use std::sync::Arc;

use super::ask::Ask;
use super::{Dialogue, Step, index};
use crate::assessment::Assessed;
use crate::diff::{FileDiff, LineKind};
use crate::error::Error;
use crate::finding::{Confidence, RemedyOption, Verdict};
use crate::session::Offer;
use crate::text::printable;
use crate::ui::survey::{Offered, Survey, Tick};
use crate::ui::words::shown;

impl<W: Write, A: Ask> Dialogue<W, A> {
    /// "shop/views.py:12".
    pub(super) fn place(&self, found: &Assessed) -> String {
        let line = self.survey.session.line_of(&found.finding.location);
        format!("{}:{line}", shown(found.finding.path()))
    }

    /// One row of a strategy's list.
    pub(super) fn row(&mut self, strategy: usize, row: usize) -> Result<Step, Error> {
        let mut at = row;
        loop {
            let Some(row) = self.survey.rows(strategy).get(at).copied() else {
                return Ok(Step::Back);
            };
            let next = match self.survey.finding(row).cloned() {
                Some(found) => self.finding(&found)?,
                None => self.question(row)?,
            };
            match next {
                Next::Row => at += 1,
                Next::Back => return Ok(Step::Back),
                Next::Ended(outcome) => return Ok(Step::Ended(outcome)),
            }
        }
    }

    fn finding(&mut self, found: &Assessed) -> Result<Next, Error> {
        self.describe_finding(found)?;
        let mut offer = self.made(found)?;
        loop {
            let tick = self.survey.tick(&found.fingerprint);
            let choices = choices(tick, offer.as_deref());
            let Some(answer) = self.choose(&choices)? else {
                return Ok(Next::Ended(self.left()));
            };
            let is_offered = choices.iter().any(|(choice, _)| *choice == answer);
            match answer.as_str() {
                "t" if is_offered => self.toggle(found)?,
                "o" if is_offered => {
                    let options = offer.map_or_else(Vec::new, |offer| offer.patch.options.clone());
                    self.options(&options)?;
                    offer = self.made(found)?;
                }
                "n" => return Ok(Next::Row),
                "i" => self.explain(found.about.page)?,
                "b" => return Ok(Next::Back),
                "q" => {
                    if let Some(outcome) = self.quit()? {
                        return Ok(Next::Ended(outcome));
                    }
                }
                other => self.not_understood(other)?,
            }
        }
    }

    fn toggle(&mut self, found: &Assessed) -> Result<(), Error> {
        let name = &found.fingerprint;
        let words = match self.survey.toggle(name) {
            Err(reason) => reason,
            Ok(()) if self.survey.tick(name) == Tick::Ticked => "The patch is ticked.".into(),
            Ok(()) => "The patch is not ticked any more.".into(),
        };
        self.page.text(&words)
    }

    fn describe_finding(&mut self, found: &Assessed) -> Result<(), Error> {
        let finding = &found.finding;
        let place = self.place(found);
        self.page.title(&format!("{} at {place}", found.about.id))?;
        let confidence = match finding.confidence {
            Confidence::Low => "low",
            Confidence::Medium => "medium",
            Confidence::High => "high",
        };
        let reach = match finding.reachable {
            true => "production reaches it",
            false => "production does not reach it",
        };
        self.page.text(&format!(
            "{}, confidence {confidence}, {reach}.",
            finding.severity
        ))?;
        if finding.absent {
            self.page
                .text("Nothing does this yet; the place is where it would go.")?;
        }
        self.page.text(&finding.message)?;
        self.page.gap()?;
        let excerpt = self.survey.session.excerpt(&finding.location, 2);
        for line in excerpt.lines {
            let mark = if line.marked { ">" } else { " " };
            let text = printable(&line.text.replace('\t', "    "));
            self.page
                .line(&format!("{mark} {:>4} | {text}", line.number))?;
        }
        if !finding.flow.is_empty() {
            self.page.gap()?;
            self.page.line("The way of the value:")?;
        }
        for (number, step) in finding.flow.iter().enumerate() {
            let line = self.survey.session.line_of(&step.location);
            let path = shown(&step.location.path);
            let words = format!("{path}:{line} {}", step.note);
            self.page.item(&format!("{:>3}. ", number + 1), &words)?;
        }
        Ok(())
    }

    /// Makes and checks the patch, and shows it.
    fn made(&mut self, found: &Assessed) -> Result<Option<Arc<Offer>>, Error> {
        let name = &found.fingerprint;
        let session = Arc::clone(&self.survey.session);
        let Some(offer) = session.offer(name) else {
            return Ok(None);
        };
        let diffs = match offer.is_applicable() {
            true => session.diffs(name),
            false => Vec::new(),
        };
        let offered = Offered {
            offer: Arc::clone(&offer),
            diffs: Arc::new(diffs.clone()),
        };
        if let Some(flaw) = self.survey.take_offer(name, offered) {
            self.page.text(&format!("It was unticked: {flaw}."))?;
        }
        let patch = &offer.patch;
        self.page.gap()?;
        let words = format!("{} ({})", patch.title, patch.kind.word());
        self.page.item("Remedy: ", &words)?;
        if !patch.guarantees.is_empty() {
            self.page.item("Guarantees: ", &patch.guarantees)?;
        }
        for what in &patch.may_break {
            self.page.item("May break: ", what)?;
        }
        for what in &patch.follow_ups {
            self.page.item("Left to you: ", what)?;
        }
        match &offer.flaw {
            Some(flaw) => self.page.item("Not offered: ", flaw)?,
            None if offer.is_applicable() => self.page.text(
                "Checked: applied in memory and judged again, this finding is gone and no new \
                 one came.",
            )?,
            None => {}
        }
        self.diffs(&diffs)?;
        Ok(Some(offer))
    }

    /// A difference line by line; every sign that cannot be seen is shown.
    pub(super) fn diffs(&mut self, diffs: &[FileDiff]) -> Result<(), Error> {
        for file in diffs {
            self.page.gap()?;
            let what = match (file.new_file, file.deleted) {
                (true, _) => "new file",
                (_, true) => "deleted file",
                _ => "changed file",
            };
            let words = format!("{what} {} ({})", shown(&file.path), file.stat());
            self.page.line(&words)?;
            for hunk in &file.hunks {
                let words = format!("@@ -{} +{} @@ {}", hunk.old, hunk.new, shown(&hunk.section));
                self.page.line(&words)?;
                for line in &hunk.lines {
                    let sign = match line.kind {
                        LineKind::Context => ' ',
                        LineKind::Removed => '-',
                        LineKind::Added => '+',
                    };
                    let text = printable(&line.text.replace('\t', "    "));
                    self.page.line(&format!("{sign} {text}"))?;
                    if line.missing_newline {
                        self.page.line("\\ no newline at the end of the file")?;
                    }
                }
            }
        }
        Ok(())
    }

    fn options(&mut self, options: &[RemedyOption]) -> Result<(), Error> {
        let option = match options {
            [only] => only,
            several => {
                for (number, option) in several.iter().enumerate() {
                    let words = format!("{} (now {})", option.question, option.value);
                    self.page.item(&format!("{:>3}. ", number + 1), &words)?;
                }
                let answer = self.ask.ask("Which option")?.unwrap_or_default();
                let Some(option) = index(answer.trim(), several.len()).map(|at| &several[at])
                else {
                    return self.page.text("Nothing was changed.");
                };
                option
            }
        };
        self.page.text(&option.question)?;
        for (number, choice) in option.choices.iter().enumerate() {
            let now = if *choice == option.value {
                " (now)"
            } else {
                ""
            };
            let words = format!("{choice}{now}");
            self.page.item(&format!("{:>3}. ", number + 1), &words)?;
        }
        let answer = self.ask.ask("Your answer")?.unwrap_or_default();
        let answer = answer.trim();
        let value = match index(answer, option.choices.len()) {
            Some(at) => option.choices[at].clone(),
            None if option.choices.is_empty() && !answer.is_empty() => answer.to_owned(),
            None if option.choices.iter().any(|choice| choice == answer) => answer.to_owned(),
            None => return self.page.text("Nothing was changed."),
        };
        let session = self.survey.session.answered(option.key, &value);
        self.survey = Survey::new(Arc::new(session)).with_choices_of(&self.survey);
        let words = format!("{} is now {value}; the patch is made anew.", option.key);
        self.page.text(&words)
    }

    fn question(&mut self, row: crate::ui::survey::Row) -> Result<Next, Error> {
        let Some(judged) = self.survey.question(row) else {
            return Ok(Next::Back);
        };
        let (id, page) = (judged.about.id, judged.about.page);
        let question = match &judged.verdict {
            Verdict::Undecided { question, .. } => question.clone(),
            _ => String::new(),
        };
        self.page.title(&format!("{id}: a question for you"))?;
        self.page.text(&question)?;
        self.page
            .text("The source does not tell. Until somebody knows, it counts as open.")?;
        loop {
            let choices = [
                ("n", "next finding"),
                ("i", "explain the control"),
                ("b", "back to the list"),
            ];
            let Some(answer) = self.choose(&choices)? else {
                return Ok(Next::Ended(self.left()));
            };
            match answer.as_str() {
                "n" => return Ok(Next::Row),
                "i" => self.explain(page)?,
                "b" => return Ok(Next::Back),
                other => self.not_understood(other)?,
            }
        }
    }
}

/// Where the dialogue goes from a finding.
enum Next {
    Row,
    Back,
    Ended(crate::ui::Outcome),
}

fn choices(tick: Tick, offer: Option<&Offer>) -> Vec<super::Choice<'static>> {
    let mut choices = Vec::new();
    match tick {
        Tick::Ticked => choices.push(("t", "untick the patch")),
        Tick::Open => choices.push(("t", "tick the patch")),
        Tick::Words | Tick::Flawed => {}
    }
    if offer.is_some_and(|offer| !offer.patch.options.is_empty()) {
        choices.push(("o", "change an option of the remedy"));
    }
    choices.extend([
        ("n", "next finding"),
        ("i", "explain the control"),
        ("b", "back to the list"),
        ("q", "quit"),
    ]);
    choices
}
