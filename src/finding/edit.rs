//! Changes to files as data.

use std::sync::Arc;

use crate::text::Span;

/// One change, stated against the original text of the repository.
///
/// Symbolic edits (imports, dependencies, lines) are lowered when a plan is composed, so that
/// any subset of patches composes: two patches that both need an import give one import.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Edit {
    /// Put `text` where `span` is. An empty span inserts.
    Replace {
        path: Arc<str>,
        span: Span,
        text: String,
    },
    /// Make sure that a Python file imports a name.
    Import { path: Arc<str>, import: Import },
    /// Drop an import from a Python file if nothing uses it once the plan is applied.
    DropImport { path: Arc<str>, import: Import },
    /// Make sure that the application's hand-written manifest names a package.
    Dependency {
        /// The folder of the code that needs it, or `None` for the whole repository: of several
        /// applications' manifests, the one that serves this folder takes the package.
        folder: Option<Arc<str>>,
        /// A PEP 508 requirement ("gunicorn>=23.0.0").
        requirement: String,
    },
    /// Make sure that a line-based file (`.gitignore`, `.env.example`) holds a line.
    Line { path: Arc<str>, line: String },
    /// Add a file that does not exist.
    Create {
        path: Arc<str>,
        text: String,
        executable: bool,
    },
}

impl Edit {
    pub fn replace(path: &Arc<str>, span: impl Into<Span>, text: impl Into<String>) -> Self {
        Self::Replace {
            path: Arc::clone(path),
            span: span.into(),
            text: text.into(),
        }
    }

    pub fn insert(path: &Arc<str>, offset: usize, text: impl Into<String>) -> Self {
        Self::replace(path, Span::at(offset), text)
    }

    /// `from module import name`.
    pub fn import_from(path: &Arc<str>, module: &str, name: &str) -> Self {
        Self::Import {
            path: Arc::clone(path),
            import: Import {
                module: module.into(),
                name: Some(name.into()),
                alias: None,
            },
        }
    }

    /// `import module`.
    pub fn import(path: &Arc<str>, module: &str) -> Self {
        Self::Import {
            path: Arc::clone(path),
            import: Import {
                module: module.into(),
                name: None,
                alias: None,
            },
        }
    }

    /// Drops `from module import name` if the plan leaves it unused.
    pub fn drop_import_from(path: &Arc<str>, module: &str, name: &str) -> Self {
        Self::DropImport {
            path: Arc::clone(path),
            import: Import {
                module: module.into(),
                name: Some(name.into()),
                alias: None,
            },
        }
    }

    pub fn create(path: impl Into<Arc<str>>, text: impl Into<String>) -> Self {
        Self::Create {
            path: path.into(),
            text: text.into(),
            executable: false,
        }
    }

    pub fn dependency(requirement: impl Into<String>) -> Self {
        Self::Dependency {
            folder: None,
            requirement: requirement.into(),
        }
    }

    /// A package that the Python file at `path` needs, which is one application's among several.
    pub fn dependency_beside(path: &str, requirement: impl Into<String>) -> Self {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        Self::dependency_of(folder, requirement)
    }

    /// A package that the code in `folder` needs.
    pub fn dependency_of(folder: impl Into<Arc<str>>, requirement: impl Into<String>) -> Self {
        Self::Dependency {
            folder: Some(folder.into()),
            requirement: requirement.into(),
        }
    }
}

/// `import module` or `from module import name [as alias]`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Import {
    pub module: String,
    pub name: Option<String>,
    /// Where the plain name is taken by something else in the file.
    pub alias: Option<String>,
}

impl Import {
    /// The name that the import binds.
    pub fn bound(&self) -> &str {
        let name = self.name.as_deref().unwrap_or(&self.module);
        self.alias.as_deref().unwrap_or(name)
    }

    /// The statement that makes this import alone.
    pub fn statement(&self) -> String {
        let alias = self.alias.as_deref();
        let alias = alias.map_or_else(String::new, |alias| format!(" as {alias}"));
        match &self.name {
            Some(name) => format!("from {} import {name}{alias}", self.module),
            None => format!("import {}{alias}", self.module),
        }
    }
}
