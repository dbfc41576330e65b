//! Where the time of a scan goes, stage by stage:
//! `cargo run --release --example stages -- FOLDER…`

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use flask_harden::assessment::Assessment;
use flask_harden::discover::Repository;
use flask_harden::model::app::Apps;
use flask_harden::model::calls::Calls;
use flask_harden::model::ci::Ci;
use flask_harden::model::config::Configuration;
use flask_harden::model::dependencies::Dependencies;
use flask_harden::model::deployment::Deployment;
use flask_harden::model::modules::Modules;
use flask_harden::model::names::Names;
use flask_harden::model::templates::{Stages, Templates};
use flask_harden::model::{Model, flow};
use flask_harden::strategies::registry::CONTROLS;

/// As the program does: Python trees recurse.
const STACK: usize = 64 * 1024 * 1024;

#[expect(clippy::print_stdout, reason = "its output is what it is for")]
fn timed<T>(stage: &str, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let value = work();
    let milliseconds = start.elapsed().as_secs_f64() * 1000.0;
    if milliseconds >= 0.2 {
        println!("  {stage:<28} {milliseconds:8.2} ms");
    }
    value
}

#[expect(clippy::print_stdout, reason = "its output is what it is for")]
fn main() {
    let pool = rayon::ThreadPoolBuilder::new().stack_size(STACK);
    pool.build_global().expect("the pool is made once");
    for folder in std::env::args().skip(1) {
        println!("{folder}");
        rayon::scope(|_| stages(Path::new(&folder)));
    }
}

fn stages(folder: &Path) {
    let repo = Arc::new(timed("discover", || Repository::discover(folder)).expect("a folder"));
    let modules = timed("modules", || Modules::parse(&repo));
    let names = timed("names", || Names::collect(&modules));
    let calls = timed("calls", || Calls::index(&modules, &names));
    let deployment = timed("deployment", || Deployment::read(&repo));
    let apps = timed("apps", || {
        Apps::find(&modules, &names).ranked_by(&modules, &names, &deployment)
    });
    let flows = timed("flows", || flow::analyse(&modules));
    timed("configuration", || {
        Configuration::resolve(&modules, &names, &apps, &deployment)
    });
    let dependencies = timed("dependencies", || Dependencies::read(&repo));
    timed("templates", || {
        let stages = Stages {
            modules: &modules,
            names: &names,
            calls: &calls,
            apps: &apps,
            dependencies: &dependencies,
            flows: &flows,
        };
        Templates::read(&repo, &stages, &Templates::default())
    });
    timed("ci", || Ci::read(&repo));
    let model = timed("the whole model", || Model::build(Arc::clone(&repo)));
    timed("the whole assessment", || Assessment::of(&model));
    for control in CONTROLS {
        timed(control.about().id, || control.check(&model));
    }
}
