//! The program: arguments in, exit code out.

use std::process::ExitCode;
use std::thread;

use flask_harden::ui::cli;

/// Python trees recurse, and the deepest that the parser accepts needs far more than the usual
/// stack. This is address space: only what is used becomes memory.
const STACK: usize = 64 * 1024 * 1024;

fn main() -> ExitCode {
    // Scanning uses this pool, so it has to exist with deep stacks before anything else makes
    // it with shallow ones.
    let pool = rayon::ThreadPoolBuilder::new().stack_size(STACK);
    if let Err(error) = pool.build_global() {
        return ExitCode::from(cli::cannot_start(&error));
    }
    let run = || cli::run(std::env::args_os());
    match thread::Builder::new().stack_size(STACK).spawn(run) {
        // A panic has said what it has to say on stderr.
        Ok(thread) => ExitCode::from(thread.join().unwrap_or(cli::COULD_NOT)),
        Err(error) => ExitCode::from(cli::cannot_start(&error)),
    }
}
