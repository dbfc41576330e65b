//! The real program in a pseudo-terminal: what reaches the screen, what is left of it, what
//! becomes of the repository.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::io::{Read as _, Write};
use std::num::NonZero;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

const APP: &str = "from flask import Flask\n\napp = Flask(__name__)\n\nif __name__ == \"__main__\":\n    app.run(debug=True)\n";

const PATIENCE: Duration = Duration::from_secs(20);

/// A program in a terminal.
struct Terminal {
    master: Box<dyn MasterPty + Send>,
    keys: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    seen: Arc<Mutex<Seen>>,
}

struct Seen {
    screen: vt100::Parser,
    bytes: Vec<u8>,
}

fn size(columns: u16, rows: u16) -> PtySize {
    PtySize {
        rows,
        cols: columns,
        pixel_width: 0,
        pixel_height: 0,
    }
}

fn cells(count: u16) -> NonZero<u16> {
    NonZero::new(count).unwrap()
}

impl Terminal {
    fn start(columns: u16, rows: u16, command: CommandBuilder) -> Self {
        let pair = native_pty_system().openpty(size(columns, rows)).unwrap();
        let child = pair.slave.spawn_command(command).unwrap();
        let seen = Arc::new(Mutex::new(Seen {
            screen: vt100::Parser::new(cells(rows), cells(columns), 0),
            bytes: Vec::new(),
        }));
        let mut output = pair.master.try_clone_reader().unwrap();
        let taken = Arc::clone(&seen);
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = output.read(&mut buffer) {
                let mut seen = taken.lock().unwrap();
                seen.screen.process(&buffer[..count]);
                seen.bytes.extend(&buffer[..count]);
            }
        });
        Self {
            keys: pair.master.take_writer().unwrap(),
            master: pair.master,
            child,
            seen,
        }
    }

    /// The wizard on a repository.
    fn wizard(folder: &Path, columns: u16, rows: u16) -> Self {
        Self::start(columns, rows, program(folder, &[]))
    }

    fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    fn text(&self) -> String {
        self.seen.lock().unwrap().screen.screen().contents()
    }

    fn until(&self, text: &str) -> String {
        self.wait(text, |seen| seen.screen.screen().contents().contains(text));
        self.text()
    }

    fn wait(&self, what: &str, is_so: impl Fn(&Seen) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !is_so(&self.seen.lock().unwrap()) {
            assert!(
                Instant::now() < end,
                "`{what}` does not come:\n{}",
                self.text()
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn resize(&self, columns: u16, rows: u16) {
        let mut seen = self.seen.lock().unwrap();
        seen.screen
            .screen_mut()
            .set_size(cells(rows), cells(columns));
        self.master.resize(size(columns, rows)).unwrap();
    }

    fn signal(&self, name: &str) {
        let process = self.child.process_id().unwrap().to_string();
        let sent = Command::new("kill").args([name, &process]).status();
        assert!(sent.unwrap().success());
    }

    fn code(&mut self) -> u32 {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.exit_code();
            }
            assert!(Instant::now() < end, "it does not end:\n{}", self.text());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits until the terminal is as a shell left it: its last words may still be on their way.
    fn is_restored(&self) -> bool {
        self.wait("the screen of the shell", |seen| {
            let screen = seen.screen.screen();
            !screen.alternate_screen() && !screen.hide_cursor() && !screen.bracketed_paste()
        });
        self.is_cooked()
    }

    /// Whether the terminal edits lines and echoes by itself.
    fn is_cooked(&self) -> bool {
        let name = self.master.tty_name().unwrap();
        let settings = Command::new("stty").arg("-a").arg("-F").arg(name).output();
        let settings = String::from_utf8(settings.unwrap().stdout).unwrap();
        settings.contains(" icanon") && settings.contains(" echo ")
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It has ended, or the test has failed.
        let _ = self.child.kill();
    }
}

fn program(folder: &Path, options: &[&str]) -> CommandBuilder {
    let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_flask-harden"));
    command.args(options);
    command.arg(folder);
    command.env("TERM", "xterm-256color");
    command.env("GIT_CONFIG_GLOBAL", "/dev/null");
    command.env_remove("NO_COLOR");
    command.env_remove("CLICOLOR_FORCE");
    command
}

fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "git {arguments:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn repository() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("app.py"), APP).unwrap();
    git(folder.path(), &["init", "-q", "-b", "main"]);
    git(folder.path(), &["config", "user.name", "Tester"]);
    git(folder.path(), &["config", "user.email", "t@example.org"]);
    git(folder.path(), &["add", "."]);
    git(folder.path(), &["commit", "-qm", "start"]);
    folder
}

#[test]
fn the_whole_way_to_a_branch_while_the_terminal_changes_its_size() {
    let folder = repository();
    let mut terminal = Terminal::wizard(folder.path(), 120, 40);
    terminal.until("Disable debug mode in production");
    terminal.press("X\r/debug-run\r ");
    terminal.until("[x] Critical");
    terminal.resize(40, 10);
    terminal.until("Critical   debug-run");
    terminal.resize(30, 8);
    terminal.until("30x8 is too small; try --plain");
    terminal.resize(80, 24);
    terminal.until("Disable debug mode in production (1 of");
    terminal.press("\r");
    terminal.until("app.run(debug=False)");
    terminal.press("a");
    terminal.until("1 file, +1");
    terminal.press("b\u{15}fix/debug\r");
    terminal.until("y makes the branch fix/debug");
    terminal.press("y");
    terminal.until("The branch fix/debug is made");
    terminal.press("q");
    assert_eq!(terminal.code(), 0);
    terminal.wait("the result in the scrollback", |seen| {
        seen.screen
            .screen()
            .contents()
            .contains("git switch fix/debug")
    });
    assert!(terminal.is_restored());
    let patched = git(folder.path(), &["show", "fix/debug:app.py"]);
    assert_eq!(patched, APP.replace("True", "False"));
    assert_eq!(git(folder.path(), &["status", "--porcelain"]), "");
}

#[test]
fn ctrl_c_and_signals_leave_the_terminal_as_it_was() {
    let folder = repository();
    let mut terminal = Terminal::wizard(folder.path(), 80, 24);
    terminal.until("Disable debug mode in production");
    assert!(!terminal.is_cooked());
    terminal.press("\u{3}");
    assert_eq!(terminal.code(), 0);
    assert!(terminal.is_restored());
    for (name, code) in [("-TERM", 143), ("-HUP", 129), ("-INT", 130)] {
        let mut terminal = Terminal::wizard(folder.path(), 80, 24);
        terminal.until("Disable debug mode in production");
        terminal.signal(name);
        assert_eq!(terminal.code(), code, "{name}");
        assert!(terminal.is_restored(), "{name}");
    }
}

#[test]
fn a_terminal_that_goes_away_ends_the_wizard() {
    let folder = repository();
    let pair = native_pty_system().openpty(size(80, 24)).unwrap();
    let command = program(folder.path(), &[]);
    let mut child = pair.slave.spawn_command(command).unwrap();
    drop(pair.slave);
    let mut output = pair.master.try_clone_reader().unwrap();
    let mut seen = Vec::new();
    let mut buffer = [0; 4096];
    while !String::from_utf8_lossy(&seen).contains("flask-harden") {
        let count = output.read(&mut buffer).unwrap();
        seen.extend(&buffer[..count]);
    }
    drop((output, pair.master));
    let started = Instant::now();
    while child.try_wait().unwrap().is_none() {
        assert!(
            started.elapsed() < PATIENCE,
            "it goes on without a terminal"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn ctrl_z_gives_the_terminal_away_and_takes_it_back() {
    let folder = repository();
    let mut terminal = Terminal::wizard(folder.path(), 80, 24);
    terminal.until("Disable debug mode in production");
    terminal.press("\u{1a}");
    let status = format!("/proc/{}/stat", terminal.child.process_id().unwrap());
    terminal.wait("the stop", |_| {
        std::fs::read_to_string(&status).unwrap().contains(") T ")
    });
    assert!(terminal.is_restored());
    terminal.resize(100, 30);
    terminal.signal("-CONT");
    terminal.until("Disable debug mode in production");
    assert!(!terminal.is_cooked());
    terminal.press("\r");
    terminal.until("debug-mode");
    terminal.press("q");
    assert_eq!(terminal.code(), 0);
    assert!(terminal.is_restored());
}

#[test]
fn the_editor_has_the_terminal_for_itself() {
    let folder = repository();
    let editor = folder.path().join("editor.sh");
    std::fs::write(
        &editor,
        "#!/bin/sh\necho \"editing $*\"\nread line\necho \"got $line\" > \"$2.seen\"\n",
    )
    .unwrap();
    let mut command = program(folder.path(), &[]);
    command.env("EDITOR", format!("sh {}", editor.display()));
    command.env_remove("VISUAL");
    let mut terminal = Terminal::start(80, 24, command);
    terminal.until("Disable debug mode in production");
    terminal.press("\re");
    terminal.until("editing");
    assert!(terminal.is_restored());
    terminal.press("every key\n");
    terminal.until("Back from the editor");
    terminal.press("q");
    assert_eq!(terminal.code(), 0);
}

#[test]
fn without_colour_there_are_no_colour_codes() {
    let folder = repository();
    let mut command = program(folder.path(), &[]);
    command.env("NO_COLOR", "1");
    let mut terminal = Terminal::start(100, 30, command);
    terminal.until("Disable debug mode in production");
    terminal.press("\r");
    terminal.until("debug-run");
    terminal.press("?");
    terminal.until("Keys on this screen");
    terminal.press("\u{1b}");
    // Escape and enter in one go would be alt-enter.
    terminal.wait("the end of the help", |seen| {
        !seen
            .screen
            .screen()
            .contents()
            .contains("Keys on this screen")
    });
    terminal.press("\r");
    terminal.until("app.run(debug=False)");
    terminal.press("q");
    assert_eq!(terminal.code(), 0);
    let bytes = terminal.seen.lock().unwrap().bytes.clone();
    let codes = graphic_codes(&String::from_utf8_lossy(&bytes));
    assert!(
        codes.contains(&7),
        "the selection is in reverse video: {codes:?}"
    );
    let is_colour = |code: &u16| matches!(code, 30..=48 | 58 | 90..=107);
    assert!(!codes.iter().any(is_colour), "{codes:?}");
}

/// The numbers of all "select graphic rendition" sequences.
fn graphic_codes(text: &str) -> Vec<u16> {
    let mut codes = Vec::new();
    for sequence in text.split("\u{1b}[").skip(1) {
        let end = sequence.find(|c: char| !(c.is_ascii_digit() || c == ';' || c == ':'));
        let Some(end) = end.filter(|end| sequence[*end..].starts_with('m')) else {
            continue;
        };
        let numbers = sequence[..end].split([';', ':']);
        codes.extend(numbers.filter_map(|number| number.parse::<u16>().ok()));
    }
    codes
}

#[test]
fn a_panic_gives_the_terminal_back_before_it_is_reported() {
    let mut command = CommandBuilder::new(std::env::current_exe().unwrap());
    command.args(["--exact", "panicking_wizard", "--ignored", "--nocapture"]);
    command.env("TERM", "xterm-256color");
    let mut terminal = Terminal::start(100, 30, command);
    assert_eq!(terminal.code(), 101);
    terminal.wait("the report", |seen| {
        seen.screen.screen().contents().contains("on purpose")
    });
    let bytes = terminal.seen.lock().unwrap().bytes.clone();
    assert!(!String::from_utf8_lossy(&bytes).contains("not to be seen"));
    assert!(terminal.is_restored());
}

/// Run by the test above in a terminal of its own.
#[test]
#[ignore = "takes the terminal over and panics"]
fn panicking_wizard() {
    let _screen = flask_harden::ui::wizard::terminal::Screen::take().unwrap();
    let worker = std::thread::spawn(|| panic!("of a worker, not to be seen"));
    assert!(worker.join().is_err());
    panic!("on purpose");
}

#[test]
fn the_line_dialogue_works_at_a_terminal() {
    let folder = repository();
    let mut terminal = Terminal::start(80, 50, program(folder.path(), &["--plain"]));
    terminal.until("Your choice");
    terminal.press("1\n");
    terminal.until("Findings:");
    terminal.press("q\n");
    assert_eq!(terminal.code(), 0);
    assert!(terminal.is_restored());
}
