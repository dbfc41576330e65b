//! How long a scan takes: `cargo bench`.

#[path = "tree.rs"]
mod tree;

use std::path::Path;

use flask_harden::session::Session;
use flask_harden::strategies::Answers;

fn main() {
    // As the program does: Python trees recurse.
    rayon::ThreadPoolBuilder::new()
        .stack_size(64 * 1024 * 1024)
        .build_global()
        .expect("the pool is made once");
    divan::main();
}

fn scan(path: &Path) -> usize {
    let session = Session::scan(path, Answers::default(), |_| {}).expect("the tree can be scanned");
    session.assessment.findings.len()
}

#[divan::bench]
fn sample(bencher: divan::Bencher<'_, '_>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/sample");
    bencher.bench(|| scan(&path));
}

#[divan::bench(args = [2_000, 10_000, 50_000], sample_count = 10)]
fn generated_lines(bencher: divan::Bencher<'_, '_>, lines: usize) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    tree::write(folder.path(), lines).expect("a written tree");
    bencher.bench(|| scan(folder.path()));
}
