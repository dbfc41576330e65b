//! Adding a control touches: file, registry line, page, fixture folder. This names what is
//! missing.

#![expect(
    clippy::unwrap_used,
    reason = "outside of #[test] functions, and still a test"
)]

use std::fs;
use std::path::{Path, PathBuf};

use flask_harden::strategies::registry::CONTROLS;
use flask_harden::strategies::strategy::STRATEGIES;

#[test]
fn every_control_is_complete() {
    let sources = sources();
    let mut missing = Vec::new();
    for control in CONTROLS {
        let about = control.about();
        let id = about.id;
        let named = format!("id: \"{id}\"");
        let file = sources.iter().find(|(_, text)| text.contains(&named));
        let folder = about.strategy.id.replace('-', "_");
        match file {
            Some((path, _)) if path.components().any(|part| part.as_os_str() == &*folder) => {}
            Some((path, _)) => missing.push(format!("{id}: {path:?} is not under {folder}/")),
            None => missing.push(format!("{id}: its file under src/strategies/{folder}/")),
        }
        if !exists(&format!("assets/controls/{id}.md")) {
            missing.push(format!("{id}: its page assets/controls/{id}.md"));
        }
        if !root()
            .join(format!("fixtures/controls/{id}/before"))
            .is_dir()
        {
            missing.push(format!("{id}: its fixture folder fixtures/controls/{id}"));
        }
        if about.title.ends_with('.') {
            missing.push(format!(
                "{id}: its title is no sentence, so it ends without a stop"
            ));
        }
    }
    assert!(
        missing.is_empty(),
        "adding a control touches: file, registry line, page, fixture folder; missing:\n{}",
        missing.join("\n")
    );
}

/// The order in which they are shown, patched and committed.
#[test]
fn controls_stand_in_this_order() {
    let ids: Vec<&str> = CONTROLS.iter().map(|control| control.about().id).collect();
    insta::assert_snapshot!(ids.join("\n"), @r"
    debug-run
    debug-config
    debug-environment
    debug-guard
    wsgi-server
    deploy-verification
    debug-tests
    secret-key-hardcoded
    secret-key-fallback
    secret-key-checked
    secret-key-strength
    secret-key-volatile
    secret-key-committed
    secret-key-store
    secret-key-rotation
    send-file-path
    send-directory-base
    filename-containment
    file-open
    upload-filename
    extension-allowlist
    send-directory-links
    directory-absolute
    template-injection
    inline-template
    markup-input
    html-response
    autoescape
    template-attribute
    escape-import
    content-security-policy
    content-security-policy-strength
    session-backend
    session-backend-safe
    session-cookie-secure
    session-cookie-httponly
    session-cookie-samesite
    session-lifetime
    session-migration
    cookie-flags
    dependencies-declared
    dependencies-vulnerable
    dependencies-audit-ci
    dependencies-automated
    dependencies-advisories
    ");
}

#[test]
fn every_implementation_is_registered() {
    let registry = read("src/strategies/registry.rs");
    let mut unregistered = Vec::new();
    for (path, text) in sources() {
        for behind in text.split("impl Control for ").skip(1) {
            let name: String = behind.chars().take_while(|c| c.is_alphanumeric()).collect();
            if !registry.contains(&format!("::{name}")) {
                unregistered.push(format!("{name} in {}", path.display()));
            }
        }
    }
    assert!(
        unregistered.is_empty(),
        "adding a control touches: file, registry line, page, fixture folder; \
         these have no line in src/strategies/registry.rs:\n{}",
        unregistered.join("\n")
    );
}

#[test]
fn every_strategy_has_its_page() {
    for strategy in STRATEGIES {
        let path = format!("assets/strategies/{}.md", strategy.id);
        assert!(read(&path).starts_with(&format!("# {}", strategy.id)));
    }
}

fn sources() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join("src/strategies")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path, text));
            }
        }
    }
    found.sort();
    found
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

fn exists(path: &str) -> bool {
    root().join(path).is_file()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
