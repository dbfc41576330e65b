//! Which version of a package an installation gets.

use std::str::FromStr as _;

use pep440_rs::Version;
use pep508_rs::{MarkerEnvironment, MarkerEnvironmentBuilder, MarkerTree};

use super::manifest::{Declared, Format, Manifest, Role, normalised};
use super::releases::Releases;
use super::specifier::Specifier;
use super::{Dependencies, PythonRequires, folder, relative_to};
use crate::text::Location;

/// How well a version is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum How {
    /// A lock file or a generated requirement file says it.
    Locked,
    /// A hand-written manifest says `==`.
    Pinned,
    /// A range: the version is its lowest.
    LowestOfRange,
    /// No lower bound, or no version at all.
    Unbounded,
}

/// What is known of a package that production installs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// The version, or the lowest one of the range; none where there is no lower bound.
    pub version: Option<Version>,
    /// Everything that production's manifests demand of it.
    pub specifier: Specifier,
    pub from: Location,
    pub how: How,
}

/// The Flask versions that the application has to work with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlaskInUse {
    /// The lowest that may be installed.
    pub lowest: Option<Version>,
    /// What a fresh installation gets, as far as this tool knows Flask's releases.
    pub newest: Option<Version>,
    pub from: Location,
    pub how: How,
}

impl Dependencies {
    /// Locked beats pinned beats range; only what production installs counts. None when no
    /// manifest names the package.
    pub fn resolved(&self, name: &str) -> Option<Resolved> {
        let name = normalised(name);
        let mut locked = self.named(&name, Manifest::is_locked);
        let fresh = locked.find(|(manifest, declared)| !self.is_stale(manifest, declared));
        if let Some((_, declared)) = fresh {
            return Some(exact(declared, How::Locked));
        }
        let pins = self.named(&name, |manifest| !manifest.is_locked());
        let limits = self.constraints(&name);
        let mut found: Vec<&Declared> = pins.chain(limits).map(|(_, declared)| declared).collect();
        if let Some(pinned) = found
            .iter()
            .find(|declared| declared.specifier.pinned().is_some())
        {
            return Some(exact(pinned, How::Pinned));
        }
        found.sort_by_key(|declared| !declared.specifier.is_bounded());
        let first = found.first()?;
        let specifier = found
            .iter()
            .fold(Specifier::Any, |all, declared| all.and(&declared.specifier));
        let lowest = specifier.lowest();
        Some(Resolved {
            how: if lowest.is_some() {
                How::LowestOfRange
            } else {
                How::Unbounded
            },
            version: lowest,
            specifier,
            from: first.location.clone(),
        })
    }

    /// What is known of Flask itself.
    pub fn flask(&self) -> Option<Resolved> {
        self.resolved("flask")
    }

    /// What is known of Werkzeug, where a manifest names it.
    pub fn werkzeug(&self) -> Option<Resolved> {
        self.resolved("werkzeug")
    }

    /// The Flask versions that generated code has to work with. None when Flask is undeclared.
    pub fn flask_in_use(&self) -> Option<FlaskInUse> {
        let resolved = self.flask()?;
        let newest = match resolved.how {
            How::Locked | How::Pinned => resolved.version.clone(),
            How::LowestOfRange | How::Unbounded => {
                Releases::known().newest_within("flask", &resolved.specifier)
            }
        };
        let lowest = match resolved.how {
            How::LowestOfRange => self.lowest_that_installs(resolved.version, newest.as_ref()),
            _ => resolved.version,
        };
        Some(FlaskInUse {
            lowest: lowest.or_else(|| newest.clone()),
            newest,
            from: resolved.from,
            how: resolved.how,
        })
    }

    /// The lowest Flask of an open range that still works when it is installed today: older ones
    /// do not go together with the Werkzeug that comes along (facts 6.4).
    fn lowest_that_installs(
        &self,
        lowest: Option<Version>,
        newest: Option<&Version>,
    ) -> Option<Version> {
        let (lowest, newest) = (lowest?, newest?);
        let python = self.python_requires().and_then(PythonRequires::floor);
        let is_old = |python: Version| python < Version::new([3, 7]);
        let working = Version::new([2, 2, 5]);
        let is_held = *newest < working || python.is_some_and(is_old);
        Some(if is_held { lowest } else { lowest.max(working) })
    }

    /// The Flask version that generated code is written for: the locked or pinned one, the
    /// lowest of a range, and for an unbounded declaration the newest that this tool knows.
    pub fn flask_version(&self) -> Option<Version> {
        self.flask_in_use()?.lowest
    }

    /// The hand-written lists that a lock or a generated file was made from.
    pub fn sources_of<'a>(&'a self, lock: &'a Manifest) -> Vec<&'a Manifest> {
        let beside = |manifest: &&Manifest| folder(&manifest.path) == folder(&lock.path);
        let is_source = |manifest: &&Manifest| match lock.format {
            Format::PipfileLock => manifest.format == Format::Pipfile,
            Format::PoetryLock | Format::UvLock | Format::PdmLock | Format::PyLock => {
                manifest.path.ends_with("pyproject.toml")
            }
            _ => is_input_of(lock, manifest),
        };
        self.manifests
            .iter()
            .filter(|manifest| manifest.hand_written && manifest.role != Role::Constraints)
            .filter(|manifest| beside(manifest) || lock.generated.is_some())
            .filter(is_source)
            .collect()
    }

    /// Whether the source of a lock no longer admits what the lock says: the next lock will
    /// hold something else.
    fn is_stale(&self, lock: &Manifest, locked: &Declared) -> bool {
        let Some(version) = locked.specifier.pinned() else {
            return false;
        };
        let sources = self.sources_of(lock).into_iter();
        sources
            .flat_map(|source| self.applying(source, &locked.name))
            .any(|(_, declared)| {
                matches!(declared.specifier, Specifier::Range(_))
                    && !declared.specifier.admits(version)
            })
    }

    /// Every hand-written declaration of a package, whatever it is installed for.
    pub fn declarations(&self, name: &str) -> Vec<(&Manifest, &Declared)> {
        let name = normalised(name);
        self.manifests
            .iter()
            .filter(|manifest| manifest.hand_written)
            .flat_map(|manifest| {
                let named = manifest.requirements.iter();
                named
                    .filter(|declared| declared.name == name)
                    .map(move |declared| (manifest, declared))
                    .collect::<Vec<_>>()
            })
            .collect()
    }

    /// The names of all packages that production installs, as far as they are written down.
    pub fn runtime_names(&self) -> Vec<String> {
        let mut names: Vec<String> = self
            .runtime()
            .flat_map(|manifest| manifest.requirements.iter())
            .map(|declared| declared.name.clone())
            .collect();
        names.sort();
        names.dedup();
        names
    }

    fn named<'a>(
        &'a self,
        name: &'a str,
        wanted: impl Fn(&Manifest) -> bool + 'a,
    ) -> impl Iterator<Item = (&'a Manifest, &'a Declared)> {
        self.runtime()
            .filter(move |manifest| wanted(manifest))
            .flat_map(move |manifest| self.applying(manifest, name))
    }

    fn constraints<'a>(
        &'a self,
        name: &'a str,
    ) -> impl Iterator<Item = (&'a Manifest, &'a Declared)> {
        let used = move |manifest: &&Manifest| {
            manifest.role == Role::Constraints
                && self
                    .runtime()
                    .any(|runtime| runtime.includes.contains(&manifest.path))
        };
        self.manifests
            .iter()
            .filter(used)
            .flat_map(move |manifest| self.applying(manifest, name))
    }

    fn applying<'a>(
        &'a self,
        manifest: &'a Manifest,
        name: &'a str,
    ) -> impl Iterator<Item = (&'a Manifest, &'a Declared)> {
        manifest
            .requirements
            .iter()
            .filter(move |declared| declared.name == name && self.applies(declared))
            .map(move |declared| (manifest, declared))
    }

    /// Whether a marker lets the declaration through on Linux, on the newest Python that the
    /// project allows.
    fn applies(&self, declared: &Declared) -> bool {
        let Some(marker) = &declared.marker else {
            return true;
        };
        let python = self.newest_python();
        let environment = environment(&python);
        let parsed = MarkerTree::from_str(marker);
        match (parsed, environment) {
            (Ok(marker), Some(environment)) => marker.evaluate(&environment, &[]),
            _ => true,
        }
    }

    fn newest_python(&self) -> String {
        let allowed = |minor: &u64| {
            let version = Version::new([3, *minor]);
            let promised = self.python_requires();
            promised.is_none_or(|python| python.specifier.admits(&version))
        };
        let newest = (6..=NEWEST_PYTHON_MINOR).rev().find(allowed);
        format!("3.{}", newest.unwrap_or(NEWEST_PYTHON_MINOR))
    }
}

/// Whether `manifest` is named in the header of a generated requirement file, or stands beside
/// it under the same name.
fn is_input_of(lock: &Manifest, manifest: &Manifest) -> bool {
    let Some(generated) = &lock.generated else {
        return false;
    };
    let named = generated.sources().into_iter().any(|source| {
        let from_folder = relative_to(folder(&lock.path), source);
        *manifest.path == *source || from_folder.as_deref() == Some(&*manifest.path)
    });
    let stem = lock.path.rsplit_once('.').map(|(stem, _)| stem);
    let twin = manifest.path.strip_suffix(".in");
    (named && manifest.path != lock.path) || (twin.is_some() && twin == stem)
}

/// The newest Python 3 on 2026-11-22.
const NEWEST_PYTHON_MINOR: u64 = 14;

fn exact(declared: &Declared, how: How) -> Resolved {
    Resolved {
        version: declared.specifier.pinned().cloned(),
        specifier: declared.specifier.clone(),
        from: declared.location.clone(),
        how,
    }
}

fn environment(python: &str) -> Option<MarkerEnvironment> {
    let full = format!("{python}.0");
    MarkerEnvironment::try_from(MarkerEnvironmentBuilder {
        implementation_name: "cpython",
        implementation_version: &full,
        os_name: "posix",
        platform_machine: "x86_64",
        platform_python_implementation: "CPython",
        platform_release: "",
        platform_system: "Linux",
        platform_version: "",
        python_full_version: &full,
        python_version: python,
        sys_platform: "linux",
    })
    .ok()
}
