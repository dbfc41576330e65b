//! The smallest set of versions that work together and have no open advisory.
//!
//! Flask, Werkzeug and the libraries under them move as one: raising Werkzeug alone breaks
//! Flask (Flask 2.2.2 does not import under Werkzeug 3). Everything else moves by itself.

use std::collections::BTreeMap;
use std::str::FromStr as _;

use pep440_rs::Version;

use super::exposure::{Exposure, Judged};
use super::releases::{FAMILY, FIRST_FOR_FLASK_3, HOLDS_FLASK_BELOW, closest};
use super::specifier::{Notation, Specifier};
use super::{Advisories, Dependencies};
use crate::finding::Severity;

/// A set of moves that belong together. Empty when nothing needs to move, or nothing can.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Upgrade {
    /// Those with advisories first.
    pub moves: Vec<Move>,
    /// What stays open after the moves.
    pub left_open: Vec<LeftOpen>,
    /// Why it does not go further, as half sentences.
    pub held_by: Vec<String>,
    /// The lowest Python that every chosen version runs on, as far as is known.
    pub python: Option<Version>,
}

/// One package to a newer version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    /// Normalised.
    pub package: String,
    /// The version that was judged.
    pub from: Version,
    pub to: Version,
    pub why: Why,
}

/// What a move is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    Advisories,
    /// It has to keep step with another move.
    GoesAlong,
}

/// How far a move goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    Patch,
    Minor,
    Major,
}

/// Advisories that no reachable version fixes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOpen {
    pub package: String,
    pub version: Version,
    /// CVE numbers, the worst first.
    pub advisories: Vec<String>,
    /// The Python that the next clean version needs, where that is what stands in the way.
    pub needs_python: Option<Version>,
}

impl Move {
    pub fn step(&self) -> Step {
        let part = |version: &Version, at: usize| version.release().get(at).copied().unwrap_or(0);
        if part(&self.from, 0) != part(&self.to, 0) {
            return Step::Major;
        }
        if part(&self.from, 1) != part(&self.to, 1) {
            return Step::Minor;
        }
        Step::Patch
    }
}

impl Upgrade {
    /// The moves that mend `package`: those of the whole family where it is one of it.
    pub fn of(deps: &Dependencies, advisories: &Advisories, package: &str) -> Self {
        let planner = Planner {
            deps,
            advisories,
            floor: deps.python_requires().and_then(|python| python.floor()),
        };
        planner.plan(package)
    }

    /// The same, were the project not to promise an old Python.
    pub fn beyond_python(deps: &Dependencies, advisories: &Advisories, package: &str) -> Self {
        let planner = Planner {
            deps,
            advisories,
            floor: None,
        };
        planner.plan(package)
    }

    pub fn step(&self) -> Step {
        self.moves
            .iter()
            .map(Move::step)
            .max()
            .unwrap_or(Step::Patch)
    }

    pub fn moves(&self, package: &str) -> Option<&Move> {
        self.moves.iter().find(|one| one.package == package)
    }

    /// What stays open of a package.
    pub fn left_open(&self, package: &str) -> Option<&LeftOpen> {
        self.left_open.iter().find(|left| left.package == package)
    }
}

struct Planner<'a> {
    deps: &'a Dependencies,
    advisories: &'a Advisories,
    /// The lowest Python that has to work.
    floor: Option<Version>,
}

/// A choice of versions and what it leaves open; less is better, and smaller moves are.
type Choice<'a> = BTreeMap<&'a str, Version>;

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Cost {
    worst: Option<Severity>,
    open: usize,
    flask: Option<Version>,
}

impl Planner<'_> {
    fn plan(&self, package: &str) -> Upgrade {
        if FAMILY.contains(&package) {
            self.family()
        } else {
            self.single(package)
        }
    }

    fn single(&self, package: &str) -> Upgrade {
        let Some(now) = self.deps.exposure(package, self.advisories) else {
            return Upgrade::default();
        };
        let best = self
            .candidates(package, &now.version)
            .into_iter()
            .min_by_key(|version| self.cost(package, version));
        let Some(best) = best else {
            return Upgrade::default();
        };
        let choice = BTreeMap::from([(package, best)]);
        self.upgrade(&BTreeMap::from([(package, now)]), &choice)
    }

    fn family(&self) -> Upgrade {
        let now: BTreeMap<&str, Exposure<'_>> = FAMILY
            .iter()
            .filter_map(|name| Some((*name, self.deps.exposure(name, self.advisories)?)))
            .collect();
        if now.values().all(|exposure| exposure.open.is_empty()) {
            return Upgrade::default();
        }
        let choices = self.flask_candidates(&now);
        let choices = choices
            .into_iter()
            .filter_map(|flask| self.choice(&now, flask));
        let best = choices.min_by_key(|choice| self.total(choice));
        let Some(mut best) = best else {
            return Upgrade::default();
        };
        let mut now = now;
        self.take_extensions_along(&mut now, &mut best);
        let mut upgrade = self.upgrade(&now, &best);
        upgrade.held_by.extend(
            self.holders()
                .map(|(name, below)| format!("{name} works with Flask {below} only")),
        );
        upgrade
    }

    /// The versions of Flask to try; a single None where Flask is not declared.
    fn flask_candidates(&self, now: &BTreeMap<&str, Exposure<'_>>) -> Vec<Option<Version>> {
        let Some(flask) = now.get("flask") else {
            return vec![None];
        };
        let limits: Vec<Specifier> = self
            .holders()
            .map(|(_, below)| Specifier::parse(below, Notation::Pep440))
            .collect();
        self.candidates("flask", &flask.version)
            .into_iter()
            .filter(|version| {
                *version == flask.version || limits.iter().all(|limit| limit.admits(version))
            })
            .map(Some)
            .collect()
    }

    fn holders(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        HOLDS_FLASK_BELOW
            .iter()
            .filter(|(name, _)| self.deps.resolved(name).is_some())
            .copied()
    }

    /// The best versions of the other members beside one of Flask; None when one has none.
    fn choice<'n>(
        &self,
        now: &BTreeMap<&'n str, Exposure<'_>>,
        flask: Option<Version>,
    ) -> Option<Choice<'n>> {
        let mut choice: Choice<'n> = BTreeMap::new();
        if let (Some((name, _)), Some(version)) = (now.get_key_value("flask"), flask) {
            choice.insert(name, version);
        }
        for member in FAMILY.iter().skip(1) {
            let Some((name, exposure)) = now.get_key_value(member) else {
                continue;
            };
            let fits = self
                .candidates(name, &exposure.version)
                .into_iter()
                .filter(|version| self.goes_with_all(&choice, name, version));
            let best = fits.min_by_key(|version| self.cost(name, version))?;
            choice.insert(name, best);
        }
        Some(choice)
    }

    fn goes_with_all(&self, choice: &Choice<'_>, name: &str, version: &Version) -> bool {
        choice.iter().all(|(other, chosen)| {
            closest(other, chosen).is_none_or(|release| release.goes_with(name, version))
        })
    }

    /// Extensions that do not load beside the chosen Flask move to the first release that does.
    fn take_extensions_along<'a>(
        &'a self,
        now: &mut BTreeMap<&'static str, Exposure<'a>>,
        choice: &mut Choice<'static>,
    ) {
        let crosses = |name: &str, at: [u64; 2]| {
            let at = Version::new(at);
            let before = now.get(name).is_some_and(|exposure| exposure.version < at);
            before && choice.get(name).is_some_and(|version| *version >= at)
        };
        if !crosses("flask", [2, 3]) && !crosses("werkzeug", [3, 0]) {
            return;
        }
        for (name, first) in FIRST_FOR_FLASK_3 {
            let (Some(resolved), Ok(first)) = (self.deps.resolved(name), Version::from_str(first))
            else {
                continue;
            };
            let Some(version) = resolved.version.clone().filter(|version| *version < first) else {
                continue;
            };
            let moves_itself = resolved.specifier.admits(&first);
            if moves_itself {
                continue;
            }
            let clean = self.advisories.first_clean(name, &first);
            let exposure = Exposure {
                package: (*name).to_owned(),
                open: self.advisories.matching(name, &version),
                version,
                judged: Judged::Exact,
                resolved,
            };
            now.insert(name, exposure);
            choice.insert(name, clean.unwrap_or(first));
        }
    }

    /// Versions from `now` on that run on the project's Python.
    fn candidates(&self, package: &str, now: &Version) -> Vec<Version> {
        let mut known = self.advisories.known_versions(package);
        let major = |version: &Version| version.release().first().copied();
        // Packages left Python 2 with a new major version.
        let is_near = |version: &Version| {
            !self.is_python_2()
                || closest(package, version).is_some()
                || major(version) == major(now)
        };
        known.retain(|version| version > now && self.runs(package, version) && is_near(version));
        known.push(now.clone());
        known.sort();
        known.dedup();
        known
    }

    fn is_python_2(&self) -> bool {
        let floor = self.floor.as_ref();
        floor.is_some_and(|floor| *floor < Version::new([3, 0]))
    }

    fn runs(&self, package: &str, version: &Version) -> bool {
        closest(package, version).is_none_or(|release| release.runs_on(self.floor.as_ref()))
    }

    fn cost(&self, package: &str, version: &Version) -> (Option<Severity>, usize, Version) {
        let open = self.advisories.matching(package, version);
        let worst = open.iter().map(|advisory| advisory.weight()).max();
        (worst, open.len(), version.clone())
    }

    fn total(&self, choice: &Choice<'_>) -> Cost {
        let costs = choice
            .iter()
            .map(|(name, version)| self.cost(name, version));
        let (mut worst, mut open) = (None, 0);
        for (severity, count, _) in costs {
            worst = worst.max(severity);
            open += count;
        }
        Cost {
            worst,
            open,
            flask: choice.get("flask").cloned(),
        }
    }

    fn upgrade(&self, now: &BTreeMap<&str, Exposure<'_>>, choice: &Choice<'_>) -> Upgrade {
        let mut upgrade = Upgrade::default();
        for (name, to) in choice {
            let Some(exposure) = now.get(name) else {
                continue;
            };
            if *to != exposure.version {
                upgrade.moves.push(Move {
                    package: (*name).to_owned(),
                    from: exposure.version.clone(),
                    to: to.clone(),
                    why: if exposure.open.is_empty() {
                        Why::GoesAlong
                    } else {
                        Why::Advisories
                    },
                });
            }
            upgrade.left_open.extend(self.left(name, to));
        }
        upgrade
            .moves
            .sort_by_key(|one| (one.why == Why::GoesAlong, rank(&one.package)));
        let pythons = choice
            .iter()
            .filter_map(|(name, version)| closest(name, version))
            .map(|release| release.python());
        upgrade.python = pythons.max();
        if let Some(held) = self.held_by_python(&upgrade) {
            upgrade.held_by.push(held);
        }
        upgrade
    }

    fn left(&self, package: &str, version: &Version) -> Option<LeftOpen> {
        let open = self.advisories.matching(package, version);
        if open.is_empty() {
            return None;
        }
        let clean = self.advisories.first_clean(package, version);
        let release = clean.and_then(|clean| closest(package, &clean));
        let needs = release.filter(|release| !release.runs_on(self.floor.as_ref()));
        Some(LeftOpen {
            package: package.to_owned(),
            version: version.clone(),
            advisories: open
                .iter()
                .map(|advisory| advisory.name().to_owned())
                .collect(),
            needs_python: needs.map(|release| release.python()),
        })
    }

    fn held_by_python(&self, upgrade: &Upgrade) -> Option<String> {
        let floor = self.floor.as_ref()?;
        let needed = upgrade.left_open.iter();
        let needed = needed.filter_map(|left| left.needs_python.as_ref()).max()?;
        Some(format!(
            "the project promises Python {floor}, and the releases that fix the rest need Python \
             {needed}"
        ))
    }
}

/// The order in which a family is named.
fn rank(package: &str) -> usize {
    let position = FAMILY.iter().position(|member| *member == package);
    position.unwrap_or(FAMILY.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discover::Repository;

    /// The moves for `package` as "name from -> to", for the given `requirements.txt`.
    fn moves(package: &str, requirements: &str, python: &str) -> Vec<String> {
        let project = format!("[project]\nrequires-python = \"{python}\"\n");
        let texts = [
            ("requirements.txt", requirements),
            ("pyproject.toml", project.as_str()),
        ];
        let deps = Dependencies::read(&Repository::from_texts(texts));
        let upgrade = Upgrade::of(&deps, &Advisories::embedded(), package);
        let shown = upgrade.moves.iter();
        shown
            .map(|one| format!("{} {} -> {}", one.package, one.from, one.to))
            .collect()
    }

    #[test]
    fn the_family_moves_together() {
        assert_eq!(
            moves(
                "werkzeug",
                "Flask==2.2.2\nWerkzeug==2.2.2\nJinja2==3.1.2\nitsdangerous==2.1.2\n",
                ">=3.10"
            ),
            [
                "flask 2.2.2 -> 3.1.3",
                "werkzeug 2.2.2 -> 3.1.9",
                "jinja2 3.1.2 -> 3.1.6",
                "itsdangerous 2.1.2 -> 2.2.0"
            ]
        );
    }

    #[test]
    fn a_patch_release_is_enough_where_it_is() {
        assert_eq!(
            moves(
                "flask",
                "flask==3.1.2\nwerkzeug==3.1.9\njinja2==3.1.6\n",
                ">=3.9"
            ),
            ["flask 3.1.2 -> 3.1.3"]
        );
        assert!(moves("flask", "flask==3.1.3\nwerkzeug==3.1.9\n", ">=3.9").is_empty());
    }

    #[test]
    fn an_old_python_gets_the_best_there_is() {
        let requirements = "flask==2.2.2\nwerkzeug==2.2.2\n";
        assert_eq!(
            moves("flask", requirements, ">=3.8"),
            ["flask 2.2.2 -> 2.2.5", "werkzeug 2.2.2 -> 3.0.6"]
        );
        assert_eq!(
            moves("flask", requirements, ">=3.7"),
            ["flask 2.2.2 -> 2.2.5", "werkzeug 2.2.2 -> 2.2.3"]
        );
    }

    #[test]
    fn python_2_gets_no_new_major_version_of_what_is_not_in_the_table() {
        let requirements = "flask==1.1.4\npyjwt==1.5.2\n";
        let to_2 = |python: &str| {
            let all = moves("pyjwt", requirements, python);
            all.iter().any(|one| one.starts_with("pyjwt 1.5.2 -> 2."))
        };
        assert!(!to_2(">=2.7"));
        assert!(to_2(">=3.9"));
    }

    #[test]
    fn what_stays_open_names_the_python_it_needs() {
        let texts = [
            ("requirements.txt", "flask==3.0.3\n"),
            ("pyproject.toml", "[project]\nrequires-python = \">=3.8\"\n"),
        ];
        let deps = Dependencies::read(&Repository::from_texts(texts));
        let upgrade = Upgrade::of(&deps, &Advisories::embedded(), "flask");
        assert!(upgrade.moves.is_empty());
        let left = upgrade.left_open("flask").unwrap();
        assert_eq!(left.advisories, ["CVE-2026-27205"]);
        assert_eq!(left.needs_python, Some(Version::new([3, 9])));
        assert!(upgrade.held_by[0].contains("Python 3.8"));
    }

    #[test]
    fn extensions_that_would_not_load_come_along() {
        let found = moves(
            "flask",
            "flask==2.2.5\nwerkzeug==2.2.3\nFlask-Login==0.6.2\nFlask-WTF>=1.0\nflask-sqlalchemy~=2.5.1\n",
            ">=3.9",
        );
        assert!(found.contains(&"flask-login 0.6.2 -> 0.6.3".to_owned()));
        assert!(found.contains(&"flask-sqlalchemy 2.5.1 -> 3.0.5".to_owned()));
        // A fresh installation takes a newer one by itself.
        assert!(!found.iter().any(|one| one.starts_with("flask-wtf")));
    }

    #[test]
    fn a_package_that_holds_flask_back_is_named() {
        let texts = [(
            "requirements.txt",
            "flask==2.2.2\nFlask-AppBuilder==4.8.1\n",
        )];
        let deps = Dependencies::read(&Repository::from_texts(texts));
        let upgrade = Upgrade::of(&deps, &Advisories::embedded(), "flask");
        assert_eq!(upgrade.moves("flask").unwrap().to, Version::new([2, 2, 5]));
        assert!(upgrade.held_by[0].contains("flask-appbuilder"));
    }

    #[test]
    fn other_packages_move_alone() {
        assert_eq!(
            moves("gunicorn", "gunicorn==20.1.0\nflask==2.2.2\n", ">=3.8"),
            ["gunicorn 20.1.0 -> 23.0.0"]
        );
    }
}
