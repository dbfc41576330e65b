//! From the traces of every application to one answer per key and environment.

use std::collections::HashMap;

use rayon::prelude::*;

use super::trace::{Tracer, World};
use super::{
    Configuration, EnvRead, Environment, Literal, SetupEnd, Source, Switch, Value, Write, WriteId,
    roots, stray,
};
use crate::model::app::{AppId, Apps};
use crate::model::deployment::{Deployment, EnvSetting};
use crate::model::modules::Modules;
use crate::model::names::Names;
use crate::text::Location;

/// The answer to "what is this key in that environment?".
#[derive(Debug, Clone)]
pub enum Resolved<'c> {
    Set {
        /// The write in force.
        write: &'c Write,
        value: &'c Value,
        /// Earlier writes of the key that it overrides, first executed first.
        shadowed: Vec<&'c Write>,
        /// Later writes that may override it: under a condition that cannot be decided.
        conditional: Vec<&'c Write>,
        /// What is loaded later from outside of the repository and may override it.
        open: Vec<&'c Source>,
    },
    /// Nothing visible sets it.
    Unset {
        /// What is loaded from outside of the repository and may set it.
        open: Vec<&'c Source>,
    },
    /// The project has several configurations that differ in it, and nothing says which one is
    /// loaded.
    Undecided {
        question: String,
        candidates: Vec<&'c Write>,
    },
}

impl<'c> Resolved<'c> {
    pub fn write(&self) -> Option<&'c Write> {
        match self {
            Self::Set { write, .. } => Some(write),
            _ => None,
        }
    }

    pub fn value(&self) -> Option<&'c Value> {
        match self {
            Self::Set { value, .. } => Some(value),
            _ => None,
        }
    }

    /// Every write that may be in force.
    pub fn possible(&self) -> Vec<&'c Write> {
        match self {
            Self::Set {
                write, conditional, ..
            } => std::iter::once(*write)
                .chain(conditional.iter().copied())
                .collect(),
            Self::Unset { .. } => Vec::new(),
            Self::Undecided { candidates, .. } => candidates.clone(),
        }
    }
}

impl Configuration {
    /// What `key` is for `app` in `environment`.
    pub fn resolved(&self, app: AppId, key: &str, environment: Environment) -> Resolved<'_> {
        let mut writes: Vec<&Write> = Vec::new();
        let mut positions: Vec<usize> = Vec::new();
        for (position, write) in self.in_order(app, environment).enumerate() {
            if &*write.key == key && (!write.is_default || writes.is_empty()) {
                writes.push(write);
                positions.push(position);
            }
        }
        let open = |after: usize| -> Vec<&Source> {
            self.sources(app)
                .filter(|source| source.path.is_none())
                .filter(|source| source.position[environment.index()].is_some_and(|at| at >= after))
                .collect()
        };
        let certain = writes.iter().rposition(|write| write.is_certain());
        let after_certain = certain.map_or(0, |index| index + 1);
        let alternatives: Vec<&Write> = writes[after_certain..]
            .iter()
            .copied()
            .filter(|write| !write.alternatives.is_empty())
            .collect();
        if let Some(undecided) = self.undecided(app, key, &alternatives) {
            return undecided;
        }
        // All alternatives agree: the last of them is as good as certain.
        let agreed = writes
            .iter()
            .rposition(|write| !write.alternatives.is_empty());
        let certain = agreed.max(certain);
        let Some(index) = certain.or(writes.len().checked_sub(1)) else {
            return Resolved::Unset { open: open(0) };
        };
        let conditional = match certain {
            Some(certain) => writes[certain + 1..].to_vec(),
            None => writes[..index].to_vec(),
        };
        let shadowed = certain.map_or_else(Vec::new, |certain| writes[..certain].to_vec());
        Resolved::Set {
            write: writes[index],
            value: &writes[index].value,
            shadowed,
            conditional,
            open: open(positions[index] + 1),
        }
    }

    /// `Some` when the candidates of a switch that nothing decides differ.
    fn undecided<'c>(
        &'c self,
        app: AppId,
        key: &str,
        alternatives: &[&'c Write],
    ) -> Option<Resolved<'c>> {
        let (index, _) = *alternatives.first()?.alternatives.first()?;
        let switch = self.switches(app).nth(index)?;
        let mut last: Vec<Option<&'c Write>> = vec![None; switch.candidates.len()];
        for write in alternatives {
            let chosen = write.alternatives.iter().find(|(it, _)| *it == index);
            if let Some(slot) = chosen.and_then(|(_, candidate)| last.get_mut(*candidate)) {
                *slot = Some(write);
            }
        }
        let first = last.first().copied().flatten();
        let agree = first.is_some_and(|first| {
            let same = |it: &Option<&Write>| it.is_some_and(|it| it.value == first.value);
            last.iter().all(same)
        });
        if agree {
            return None;
        }
        let names: Vec<&str> = switch
            .candidates
            .iter()
            .map(|it| it.name.as_str())
            .collect();
        let by = switch.variable.as_ref();
        let by = by.map_or_else(String::new, |name| format!(" (chosen by {name})"));
        Some(Resolved::Undecided {
            question: format!(
                "Which of {} does production load{by}? They differ in {key}.",
                names.join(", ")
            ),
            candidates: last.into_iter().flatten().collect(),
        })
    }

    /// The write that a key's value in `environment` comes from, with its value, where it is
    /// set and certain.
    pub fn value(&self, app: AppId, key: &str, environment: Environment) -> Option<&Value> {
        self.resolved(app, key, environment).value()
    }
}

impl EnvRead {
    /// What production's deployment files make of it: each setting that reaches production,
    /// with the value that it gives (`None`: a parser that is not known, or a value from
    /// outside of the repository). Empty when no file sets the variable: the default counts.
    pub fn in_production<'d>(
        &'d self,
        deployment: &'d Deployment,
    ) -> impl Iterator<Item = (&'d EnvSetting, Option<Literal>)> {
        deployment.production_settings(&self.name).map(|setting| {
            (
                setting,
                setting.literal().and_then(|text| self.with(Some(text))),
            )
        })
    }
}

pub(super) fn resolve(
    modules: &Modules,
    names: &Names,
    apps: &Apps,
    deployment: &Deployment,
) -> Configuration {
    let world = World {
        modules,
        names,
        apps,
        deployment,
    };
    let callers = roots::Callers::collect(world);
    let ids: Vec<AppId> = apps.iter().map(|(id, _)| id).collect();
    let traces: Vec<Vec<Trace>> = ids
        .par_iter()
        .map(|id| {
            let trace = |environment: &Environment| trace(world, &callers, *id, *environment);
            Environment::ALL.par_iter().map(trace).collect()
        })
        .collect();
    let mut configuration = Configuration::default();
    for traces in traces {
        merge(&mut configuration, traces);
    }
    stray::add(&mut configuration, world);
    configuration
}

/// What one run of the tracer gives.
struct Trace {
    environment: Environment,
    writes: Vec<Write>,
    sources: Vec<Source>,
    switches: Vec<Switch>,
    end: Option<SetupEnd>,
}

fn trace(
    world: World<'_>,
    callers: &roots::Callers<'_>,
    app: AppId,
    environment: Environment,
) -> Trace {
    let mut tracer = Tracer::new(world, app, environment);
    roots::run(&mut tracer, callers);
    let end = roots::end_of_setup(&tracer);
    Trace {
        environment,
        writes: tracer.writes,
        sources: tracer.sources,
        switches: tracer.switches,
        end,
    }
}

/// The same statement in several environments is one write, with several environments.
fn merge(configuration: &mut Configuration, traces: Vec<Trace>) {
    // The way there is left out: a base class is one place, whichever class leads to it.
    type Identity = (Location, Location, Box<str>, String);
    let mut known: HashMap<Identity, WriteId> = HashMap::new();
    let mut orders: [Vec<WriteId>; 3] = Default::default();
    let mut end = None;
    let first_source = configuration.sources.len();
    let first_switch = configuration.switches.len();
    for trace in traces {
        let index = trace.environment.index();
        // Switches are numbered per application, whatever the trace that met them first.
        let places: Vec<usize> = trace
            .switches
            .into_iter()
            .map(|switch| merge_switch(&mut configuration.switches, first_switch, switch, index))
            .collect();
        for mut write in trace.writes {
            for (switch, _) in &mut write.alternatives {
                *switch = places.get(*switch).copied().unwrap_or(*switch);
            }
            let identity = (
                write.key_at.clone(),
                write.statement.clone(),
                write.key.clone(),
                format!(
                    "{:?}{:?}{:?}",
                    write.value, write.conditions, write.alternatives
                ),
            );
            let id = match known.get(&identity) {
                Some(id) => {
                    let known = &mut configuration.writes[id.0 as usize];
                    if !known.environments.contains(&trace.environment) {
                        known.environments.push(trace.environment);
                    }
                    *id
                }
                None => {
                    let next = u32::try_from(configuration.writes.len()).unwrap_or(u32::MAX);
                    configuration.writes.push(write);
                    known.insert(identity, WriteId(next));
                    WriteId(next)
                }
            };
            orders[index].push(id);
        }
        for source in trace.sources {
            merge_source(&mut configuration.sources, first_source, source, index);
        }
        end = end.or(trace.end);
    }
    configuration.orders.push(orders);
    configuration.ends.push(end);
}

fn merge_source(sources: &mut Vec<Source>, first: usize, source: Source, index: usize) {
    let same = |it: &&mut Source| {
        it.location == source.location
            && it.name == source.name
            && it.path == source.path
            && it.section == source.section
    };
    match sources[first..].iter_mut().find(same) {
        Some(known) => {
            known.position[index] = source.position[index];
            let environment = Environment::ALL[index];
            if !known.environments.contains(&environment) {
                known.environments.push(environment);
            }
        }
        None => sources.push(source),
    }
}

/// The number of the switch among those of its application.
fn merge_switch(switches: &mut Vec<Switch>, first: usize, switch: Switch, index: usize) -> usize {
    let known = switches[first..]
        .iter()
        .position(|it| it.location == switch.location);
    match known {
        Some(known) => {
            switches[first + known].chosen[index].clone_from(&switch.chosen[index]);
            known
        }
        None => {
            switches.push(switch);
            switches.len() - 1 - first
        }
    }
}
