//! The user's own editor, at a line.

use std::path::Path;
use std::process::Command;

/// Opens `path` at `line` in `$VISUAL`, `$EDITOR` or vi, and waits for its end.
pub fn open(path: &Path, line: usize) -> Result<(), String> {
    let named = |name| {
        std::env::var(name)
            .ok()
            .filter(|value| !value.trim().is_empty())
    };
    let editor = named("VISUAL").or_else(|| named("EDITOR"));
    let editor = editor.unwrap_or_else(|| "vi".into());
    let mut words = editor.split_whitespace();
    let program = words.next().unwrap_or("vi");
    let status = Command::new(program)
        .args(words)
        .args(arguments(program, path, line))
        .status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("The editor {program} ended with {status}.")),
        Err(error) => Err(format!(
            "The editor {program} cannot be started ({error}); set $EDITOR to another one."
        )),
    }
}

/// How `program` is told the line. An editor that is not known gets the file alone.
fn arguments(program: &str, path: &Path, line: usize) -> Vec<String> {
    let name = Path::new(program).file_stem().unwrap_or_default();
    let path = path.display().to_string();
    match name.to_string_lossy().as_ref() {
        "vi" | "vim" | "nvim" | "nano" | "emacs" | "emacsclient" | "micro" | "kak" | "joe"
        | "mg" | "ne" | "vis" | "pico" | "gvim" => vec![format!("+{line}"), path],
        "hx" | "helix" | "subl" | "zed" => vec![format!("{path}:{line}")],
        "code" | "codium" | "cursor" => vec!["--goto".into(), format!("{path}:{line}")],
        _ => vec![path],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn editors_are_told_the_line_in_their_own_way() {
        let path = Path::new("/a b/app.py");
        assert_eq!(arguments("/usr/bin/vim", path, 7), ["+7", "/a b/app.py"]);
        assert_eq!(arguments("hx", path, 7), ["/a b/app.py:7"]);
        assert_eq!(arguments("ed", path, 7), ["/a b/app.py"]);
    }
}
