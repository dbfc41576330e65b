//! What a finding looks like: the source around it, and its patch as a difference. Secrets are
//! masked here, so that no screen can forget it.

use std::collections::BTreeMap;

use super::{CommitPreview, Preview, Session};
use crate::diff::{CONTEXT, FileChange, FileDiff, Secrets, diff};
use crate::patch::compose;
use crate::strategies::secret_key::masks;
use crate::text::Location;

/// Lines of a file around a place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Excerpt {
    pub lines: Vec<ExcerptLine>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExcerptLine {
    /// 1-based.
    pub number: usize,
    /// Without its line end, secrets masked; control characters are still in it.
    pub text: String,
    /// The place lies on this line.
    pub marked: bool,
}

/// Places that span more lines than this are cut in an excerpt.
const MOST_MARKED: usize = 12;

impl Session {
    /// Where secrets stand. That a finding is accepted does not make its secret less of one.
    pub fn secret_places(&self) -> impl Iterator<Item = &Location> {
        let open = self.assessment.findings.iter();
        let accepted = self.assessment.accepted.iter();
        let all = open.chain(accepted.map(|accepted| &accepted.found));
        all.flat_map(|found| &found.finding.secrets)
    }

    /// Where texts stand that look like secrets, whether or not a finding names them.
    pub fn masked_places(&self) -> &[Location] {
        self.masked.get_or_init(|| masks::places(&self.model))
    }

    /// Every text that no screen and no report may show: those of findings, and whatever else
    /// looks like one.
    pub fn secrets(&self) -> Secrets {
        let secrets = self.secrets.get_or_init(|| {
            let others = self.masked_places();
            let texts = self.secret_places().chain(others).filter_map(|place| {
                let file = self.model.repo.file(&place.path)?;
                Some(file.text.slice(place.span))
            });
            Secrets::new(texts)
        });
        secrets.clone()
    }

    /// The lines of `place` with `context` lines around them.
    pub fn excerpt(&self, place: &Location, context: usize) -> Excerpt {
        let Some(file) = self.model.repo.file(&place.path) else {
            return Excerpt::default();
        };
        let text = &file.text;
        if text.is_empty() {
            return Excerpt::default();
        }
        let last_line = text.line_count().max(1);
        let first = text.line_of(place.span.start).min(last_line);
        let end = place.span.end.max(place.span.start + 1) - 1;
        let last = text
            .line_of(end)
            .clamp(first, first + MOST_MARKED - 1)
            .min(last_line);
        let secrets = self.secrets();
        let shown = first.saturating_sub(context).max(1)..=(last + context).min(last_line);
        let lines = shown.map(|number| ExcerptLine {
            number,
            text: secrets.mask(text.line(number)),
            marked: (first..=last).contains(&number),
        });
        Excerpt {
            lines: lines.collect(),
        }
    }

    /// The 1-based line of a place; 1 where its file is not there.
    pub fn line_of(&self, place: &Location) -> usize {
        let file = self.model.repo.file(&place.path);
        file.map_or(1, |file| file.text.line_of(place.span.start))
    }

    /// What the patch of one finding changes, secrets masked. Empty where there is no patch
    /// that can be applied.
    pub fn diffs(&self, fingerprint: &str) -> Vec<FileDiff> {
        let Some(offer) = self.offer(fingerprint) else {
            return Vec::new();
        };
        let Ok(composition) = compose(&self.model, &[&offer.patch]) else {
            return Vec::new();
        };
        let texts = composition.texts.iter();
        let changes: Vec<_> = texts
            .map(|(path, new)| self.change(path, new, &BTreeMap::new()))
            .collect();
        self.masked_diffs(&changes)
    }

    /// What each commit changes, compared with the commit before it, secrets masked.
    pub fn commit_diffs(&self, commits: &[CommitPreview]) -> Vec<Vec<FileDiff>> {
        let commits = self.new_commits(commits);
        commits
            .iter()
            .map(|commit| self.masked_diffs(&commit.changes))
            .collect()
    }

    fn masked_diffs(&self, changes: &[FileChange]) -> Vec<FileDiff> {
        let secrets = self.secrets();
        changes
            .iter()
            .map(|change| diff(change, CONTEXT).masked(&secrets))
            .collect()
    }
}

impl Preview {
    /// What is left for a person after all commits, each once.
    pub fn follow_ups(&self) -> Vec<String> {
        let mut all: Vec<String> = Vec::new();
        for follow_up in self.commits.iter().flat_map(|commit| &commit.follow_ups) {
            if !all.contains(follow_up) {
                all.push(follow_up.clone());
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::discover::Repository;
    use crate::model::Model;
    use crate::strategies::Answers;
    use crate::text::Span;

    fn session(source: &str) -> Session {
        let repo = Arc::new(Repository::from_texts([("app.py", source)]));
        Session::of(Model::build(repo), Answers::default())
    }

    #[test]
    fn excerpts_end_at_the_file() {
        let session = session("import flask\na = 1\nb = 2\n");
        let path = Arc::clone(&session.model.repo.file("app.py").unwrap().path);
        let excerpt = session.excerpt(&Location::new(&path, Span::new(13, 14)), 5);
        let numbers: Vec<_> = excerpt.lines.iter().map(|line| line.number).collect();
        assert_eq!(numbers, [1, 2, 3]);
        let marked: Vec<_> = excerpt.lines.iter().filter(|line| line.marked).collect();
        assert_eq!(marked[0].text, "a = 1");
        assert_eq!(marked.len(), 1);
        let behind = session.excerpt(&Location::new(&path, Span::at(25)), 0);
        assert_eq!(behind.lines[0].number, 3);
    }

    #[test]
    fn a_finding_shows_its_patch() {
        let session = session(
            "from flask import Flask\napp = Flask(__name__)\nif __name__ == '__main__':\n    app.run(debug=True)\n",
        );
        let found = session.assessment.findings.iter();
        let run = found.clone().find(|found| found.about.id == "debug-run");
        let diffs = session.diffs(&run.unwrap().fingerprint);
        let text = diffs[0].to_string();
        assert!(text.contains("+    app.run(debug=False)"), "{text}");
        assert!(session.diffs("unknown").is_empty());
    }
}
