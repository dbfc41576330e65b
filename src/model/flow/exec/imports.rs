//! Imports, of the repository and of others.

use ruff_python_ast::{StmtImport, StmtImportFrom};

use super::super::heap::{Obj, State};
use super::super::interp::{Frame, Interp};
use super::super::value::{Value, hash, mix};

impl<'a> Interp<'a> {
    pub(super) fn import(&mut self, stmt: &'a StmtImport, st: &mut State<'a>, fr: &mut Frame<'a>) {
        for alias in &stmt.names {
            let dotted = alias.name.as_str();
            if let Some(name) = &alias.asname {
                let value = self.imported(dotted, fr);
                self.store(name.as_str(), value, st, fr);
                continue;
            }
            let (top, rest) = dotted.split_once('.').unwrap_or((dotted, ""));
            let value = self.imported(top, fr);
            if matches!(value, Value::Ext(_))
                && !rest.is_empty()
                && self.modules.import(fr.module, 0, dotted).is_some()
            {
                let dots = dotted
                    .match_indices('.')
                    .map(|(at, _)| dotted[..at].to_owned());
                self.namespaces.extend(dots);
            }
            self.store(top, value, st, fr);
        }
    }

    pub(super) fn imported(&self, dotted: &str, fr: &Frame<'a>) -> Value<'a> {
        match self.modules.import(fr.module, 0, dotted) {
            Some(id) => Value::Module(id),
            None => Value::ext(dotted),
        }
    }

    pub(super) fn import_from(
        &mut self,
        stmt: &'a StmtImportFrom,
        st: &mut State<'a>,
        fr: &mut Frame<'a>,
    ) {
        let dotted = stmt.module.as_ref().map_or("", |module| module.as_str());
        let target = self.modules.import(fr.module, stmt.level, dotted);
        for alias in &stmt.names {
            let name = alias.name.as_str();
            if name == "*" {
                self.import_star(target, dotted, st, fr);
                continue;
            }
            let bound = alias.asname.as_ref().map_or(name, |name| name.as_str());
            let value = match target {
                Some(id) => Value::Import(id, name),
                None => self.foreign_import(stmt.level, dotted, name, fr),
            };
            self.store(bound, value, st, fr);
        }
    }

    fn foreign_import(&self, level: u32, dotted: &str, name: &str, fr: &Frame<'a>) -> Value<'a> {
        let full = if dotted.is_empty() {
            name.to_owned()
        } else {
            format!("{dotted}.{name}")
        };
        match self.modules.import(fr.module, level, &full) {
            Some(id) => Value::Module(id),
            None if level > 0 => Value::unknown(mix(fr.module.index() as u64, hash(&full))),
            None => Value::ext(full),
        }
    }

    fn import_star(
        &mut self,
        target: Option<crate::model::modules::ModuleId>,
        dotted: &str,
        st: &mut State<'a>,
        fr: &mut Frame<'a>,
    ) {
        let Some(id) = target else {
            self.stars.entry(fr.module).or_default().push(dotted.into());
            return;
        };
        let scope = self.module_scope(id);
        if let Some(stars) = self.stars.get(&id).cloned() {
            self.stars.entry(fr.module).or_default().extend(stars);
        }
        let Some(object) = st.get(scope) else { return };
        let Obj::Scope(theirs) = &*object else { return };
        for (name, value) in theirs.vars.iter() {
            if !name.starts_with('_') {
                self.store(name, value.clone(), st, fr);
            }
        }
    }
}
