//! A user for the server of an image.

use crate::discover::{FileKind, Repository};
use crate::finding::Edit;
use crate::model::deployment::Process;
use crate::parse::dockerfile::{Body, Dockerfile, Instruction};
use crate::text::Text;

/// `USER user` in front of the instruction that starts `process`. Empty where the Dockerfile does
/// not start it itself (a script may have to prepare something as root), where it chooses a user
/// already, builds on after its start, exposes a port that only root may open, or has volumes,
/// which are root's until somebody gives them away.
pub fn run_as(repo: &Repository, process: &Process, user: &str) -> Vec<Edit> {
    let Some(file) = repo.file(&process.location.path) else {
        return Vec::new();
    };
    if file.kind != FileKind::Dockerfile {
        return Vec::new();
    }
    let parsed = Dockerfile::parse(file.text.as_str());
    let start = process.location.span.start;
    let at = |it: &&Instruction| it.span.contains_offset(start);
    let Some(stage) = parsed.instructions.iter().find(at).and_then(|it| it.stage) else {
        return Vec::new();
    };
    let of_stage = || {
        parsed
            .instructions
            .iter()
            .filter(|it| it.stage == Some(stage))
    };
    let Some(first) = of_stage().find(|it| is_start(it)) else {
        return Vec::new();
    };
    let builds_on = of_stage()
        .filter(|it| it.span.start > first.span.start)
        .any(|it| matches!(it.keyword.as_str(), "RUN" | "COPY" | "ADD"));
    if builds_on || of_stage().any(needs_root) {
        return Vec::new();
    }
    let line = format!("USER {user}{}", file.text.newline());
    vec![Edit::insert(
        &file.path,
        above_comments(&file.text, first),
        line,
    )]
}

fn is_start(instruction: &Instruction) -> bool {
    matches!(instruction.keyword.as_str(), "CMD" | "ENTRYPOINT")
}

/// Whether somebody chose a user, or the image is to open a port below 1024 or to write to volumes.
fn needs_root(instruction: &Instruction) -> bool {
    let is_low = |port: &String| {
        let number = port.split('/').next().unwrap_or(port);
        number.parse::<u32>().is_ok_and(|number| number < 1024)
    };
    match &instruction.body {
        Body::User(..) => true,
        Body::Other => instruction.keyword == "VOLUME",
        Body::Expose(ports) => ports.iter().any(is_low),
        _ => false,
    }
}

/// The line of an instruction, or of the first comment directly above it.
pub(super) fn above_comments(text: &Text, instruction: &Instruction) -> usize {
    let mut line = text.line_of(instruction.span.start);
    while line > 1 && text.line(line - 1).trim_start().starts_with('#') {
        line -= 1;
    }
    text.line_start(line)
}
