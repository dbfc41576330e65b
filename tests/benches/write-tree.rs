//! Writes the generated application of the benches: `write-tree FOLDER LINES`.

#[path = "tree.rs"]
mod tree;

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, lines] = arguments.as_slice() else {
        return ExitCode::from(2);
    };
    let Ok(lines) = lines.parse() else {
        return ExitCode::from(2);
    };
    match tree::write(Path::new(folder), lines) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
