//! What a name stands for: through import aliases, re-exports, relative imports and
//! assignments, inside a module and across modules.

mod resolve;
mod scope;
mod types;

use rayon::prelude::*;

pub use resolve::{Definition, Qualified};
pub use scope::{Binding, BindingKind, Imported, Scope, ScopeKind, Scopes};

use super::modules::{ModuleId, Modules};

/// The scopes of every module, as plain data.
#[derive(Debug, Default)]
pub struct Names {
    scopes: Vec<Scopes>,
}

impl Names {
    pub fn collect(modules: &Modules) -> Self {
        let list: Vec<_> = modules.iter().map(|(_, module)| module).collect();
        Self {
            scopes: list.par_iter().map(|module| Scopes::of(module)).collect(),
        }
    }

    pub fn scopes(&self, module: ModuleId) -> &Scopes {
        &self.scopes[module.index()]
    }
}
