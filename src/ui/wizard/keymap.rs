//! The one table of keys. What a key does, the footer and the help all come from it.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// What the screen is for at the moment: decides which keys mean something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u16)]
pub enum Mode {
    Scanning = 1,
    Failed = 1 << 1,
    Strategies = 1 << 2,
    Findings = 1 << 3,
    Patch = 1 << 4,
    Review = 1 << 5,
    Commit = 1 << 6,
    Done = 1 << 7,
    /// A text over the screen: help, a page, the scan's circumstances.
    Reading = 1 << 8,
    /// A choice of answers over the screen.
    Choosing = 1 << 9,
    /// "Really quit?"
    Leaving = 1 << 10,
    /// A line of text is being typed.
    Typing = 1 << 11,
    /// The branch is being made.
    Applying = 1 << 12,
}

impl Mode {
    pub const ALL: [Self; 13] = [
        Self::Scanning,
        Self::Failed,
        Self::Strategies,
        Self::Findings,
        Self::Patch,
        Self::Review,
        Self::Commit,
        Self::Done,
        Self::Reading,
        Self::Choosing,
        Self::Leaving,
        Self::Typing,
        Self::Applying,
    ];
}

const SCANNING: u16 = Mode::Scanning as u16;
const FAILED: u16 = Mode::Failed as u16;
const STRATEGIES: u16 = Mode::Strategies as u16;
const FINDINGS: u16 = Mode::Findings as u16;
const PATCH: u16 = Mode::Patch as u16;
const REVIEW: u16 = Mode::Review as u16;
const COMMIT: u16 = Mode::Commit as u16;
const DONE: u16 = Mode::Done as u16;
const READING: u16 = Mode::Reading as u16;
const CHOOSING: u16 = Mode::Choosing as u16;
const LEAVING: u16 = Mode::Leaving as u16;
const TYPING: u16 = Mode::Typing as u16;
const APPLYING: u16 = Mode::Applying as u16;

const LISTS: u16 = STRATEGIES | FINDINGS;
const DIFFS: u16 = PATCH | COMMIT;
const CHOICES: u16 = LISTS | PATCH;
const SCREENS: u16 = LISTS | DIFFS | REVIEW | DONE;
const MOVING: u16 = SCREENS | READING | CHOOSING;

/// What a key asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Command {
    Open,
    Toggle,
    TickSafe,
    Untick,
    Undo,
    Review,
    EditBranch,
    Apply,
    Explain,
    Options,
    Filter,
    Editor,
    SideBySide,
    NextHunk,
    PreviousHunk,
    Next,
    Previous,
    OtherPane,
    Up,
    Down,
    PageUp,
    PageDown,
    Top,
    Bottom,
    Rescan,
    AboutScan,
    Accept,
    Leave,
    Back,
    Help,
    Suspend,
    Quit,
}

/// One row of the table.
#[derive(Debug)]
pub struct Binding {
    pub command: Command,
    /// The first is the one that the footer names.
    pub keys: &'static [Key],
    /// The modes in which the keys mean this, as bits.
    modes: u16,
    /// For the footer; empty for what is only in the help.
    pub hint: &'static str,
    /// For the help.
    pub help: &'static str,
}

impl Binding {
    pub const fn holds_in(&self, mode: Mode) -> bool {
        self.modes & mode as u16 != 0
    }

    /// The keys in words: "space", "j or down".
    pub fn key_names(&self) -> String {
        let names: Vec<String> = self.keys.iter().map(|key| key.name()).collect();
        names.join(" or ")
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key {
    code: KeyCode,
    control: bool,
}

const fn key(character: char) -> Key {
    code(KeyCode::Char(character))
}

const fn code(code: KeyCode) -> Key {
    Key {
        code,
        control: false,
    }
}

const fn control(character: char) -> Key {
    Key {
        code: KeyCode::Char(character),
        control: true,
    }
}

impl Key {
    /// The name that a person reads.
    pub fn name(self) -> String {
        match self.code {
            KeyCode::Char(' ') => "space".into(),
            KeyCode::Char(character) if self.control => format!("ctrl-{character}"),
            KeyCode::Char(character) => character.to_string(),
            KeyCode::Enter => "enter".into(),
            KeyCode::Esc => "esc".into(),
            KeyCode::Tab => "tab".into(),
            KeyCode::Up => "up".into(),
            KeyCode::Down => "down".into(),
            KeyCode::Left => "left".into(),
            KeyCode::Right => "right".into(),
            KeyCode::PageUp => "pgup".into(),
            KeyCode::PageDown => "pgdn".into(),
            KeyCode::Home => "home".into(),
            KeyCode::End => "end".into(),
            KeyCode::F(number) => format!("f{number}"),
            other => format!("{other:?}").to_lowercase(),
        }
    }
}

const fn bind(
    command: Command,
    keys: &'static [Key],
    modes: u16,
    hint: &'static str,
    help: &'static str,
) -> Binding {
    Binding {
        command,
        keys,
        modes,
        hint,
        help,
    }
}

/// All keys, in the order of the footer and the help.
#[rustfmt::skip]
pub static KEYS: &[Binding] = &[
    bind(Command::Apply, &[key('y')], REVIEW, "make the branch", "make the branch with these commits"),
    bind(Command::Leave, &[key('y')], LEAVING, "quit", "quit without applying"),
    bind(Command::Accept, &[code(KeyCode::Enter)], TYPING | CHOOSING, "accept", "take what is typed or chosen"),
    bind(Command::Toggle, &[key(' ')], CHOICES, "tick", "tick or untick the patch (on a strategy: its safe patches)"),
    bind(Command::Open, &[code(KeyCode::Enter), key('l'), code(KeyCode::Right)], LISTS | REVIEW, "open", "open the selected row"),
    bind(Command::Review, &[key('a')], CHOICES, "apply...", "review the commits to be made; nothing is applied yet"),
    bind(Command::OtherPane, &[code(KeyCode::Tab)], LISTS | REVIEW, "details", "move between the list and its details"),
    bind(Command::EditBranch, &[key('b')], REVIEW, "branch name", "change the name of the branch"),
    bind(Command::NextHunk, &[key(']')], DIFFS, "hunk", "next hunk"),
    bind(Command::PreviousHunk, &[key('[')], DIFFS, "", "previous hunk"),
    bind(Command::Next, &[key('n')], DIFFS, "next", "next patch or commit"),
    bind(Command::Previous, &[key('p')], DIFFS, "", "previous patch or commit"),
    bind(Command::SideBySide, &[key('s')], DIFFS, "side by side", "the two texts side by side (from 140 columns on)"),
    bind(Command::Explain, &[key('i')], CHOICES, "explain", "explain the strategy or the control"),
    bind(Command::Options, &[key('o')], FINDINGS | PATCH, "options", "change the options of the remedy"),
    bind(Command::Editor, &[key('e')], FINDINGS | PATCH, "edit", "open the file at the line in $VISUAL or $EDITOR"),
    bind(Command::Filter, &[key('/')], FINDINGS, "filter", "show only what contains a text"),
    bind(Command::Undo, &[key('u')], CHOICES, "undo", "undo the last tick"),
    bind(Command::TickSafe, &[key('x')], LISTS, "", "tick all safe patches shown"),
    bind(Command::Untick, &[key('X')], LISTS, "", "untick everything shown"),
    bind(Command::Rescan, &[key('r')], LISTS | FAILED | REVIEW | DONE, "scan again", "scan again; choices are kept"),
    bind(Command::AboutScan, &[key('.')], LISTS | REVIEW | DONE, "about", "about this scan: files, what was skipped, advisories, git"),
    bind(Command::Up, &[key('k'), code(KeyCode::Up)], MOVING, "", "up"),
    bind(Command::Down, &[key('j'), code(KeyCode::Down)], MOVING, "", "down"),
    bind(Command::PageUp, &[code(KeyCode::PageUp), control('u'), control('b')], MOVING, "", "a page up"),
    bind(Command::PageDown, &[code(KeyCode::PageDown), control('d'), control('f')], MOVING, "", "a page down"),
    bind(Command::Top, &[key('g'), code(KeyCode::Home)], MOVING, "", "to the top"),
    bind(Command::Bottom, &[key('G'), code(KeyCode::End)], MOVING, "", "to the bottom"),
    bind(Command::Back, &[code(KeyCode::Esc), key('h'), code(KeyCode::Left)], FINDINGS | DIFFS | REVIEW | DONE | READING | CHOOSING, "back", "one step back"),
    bind(Command::Back, &[code(KeyCode::Esc)], LEAVING | TYPING, "back", "one step back"),
    bind(Command::Back, &[code(KeyCode::Esc)], STRATEGIES, "", "to the list"),
    bind(Command::Help, &[key('?'), code(KeyCode::F(1))], SCREENS | SCANNING | FAILED, "help", "this help"),
    bind(Command::Suspend, &[control('z')], SCREENS | SCANNING | FAILED | READING | CHOOSING | LEAVING | TYPING, "", "suspend (fg resumes)"),
    bind(Command::Quit, &[key('q'), control('c')], SCREENS | SCANNING | FAILED | READING | CHOOSING, "quit", "quit; asks when ticked patches are not applied"),
    bind(Command::Quit, &[control('c')], LEAVING | TYPING | APPLYING, "", "quit at once"),
];

/// What `event` asks for in `mode`.
pub fn command(mode: Mode, event: KeyEvent) -> Option<Command> {
    let pressed = Key {
        code: event.code,
        control: event.modifiers.contains(KeyModifiers::CONTROL),
    };
    if event.modifiers.contains(KeyModifiers::ALT) {
        return None;
    }
    let holds = |binding: &&Binding| binding.holds_in(mode) && binding.keys.contains(&pressed);
    KEYS.iter().find(holds).map(|binding| binding.command)
}

/// What holds in `mode`, in the table's order.
pub fn bindings(mode: Mode) -> impl Iterator<Item = &'static Binding> {
    KEYS.iter().filter(move |binding| binding.holds_in(mode))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_key_means_two_things_in_one_mode() {
        for mode in Mode::ALL {
            let mut seen = BTreeSet::new();
            for binding in bindings(mode) {
                for key in binding.keys {
                    assert!(seen.insert(key.name()), "{mode:?}: {}", key.name());
                }
            }
        }
    }

    #[test]
    fn every_mode_has_a_way_out() {
        for mode in Mode::ALL {
            let quit = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
            assert_eq!(command(mode, quit), Some(Command::Quit), "{mode:?}");
        }
    }

    #[test]
    fn enter_never_applies() {
        let enter = KeyEvent::new(KeyCode::Enter, KeyModifiers::NONE);
        for mode in Mode::ALL {
            let command = command(mode, enter);
            assert!(!matches!(command, Some(Command::Apply | Command::Leave)));
        }
    }

    #[test]
    fn capitals_come_with_shift_and_alt_means_nothing() {
        let capital = KeyEvent::new(KeyCode::Char('G'), KeyModifiers::SHIFT);
        assert_eq!(command(Mode::Findings, capital), Some(Command::Bottom));
        let alt = KeyEvent::new(KeyCode::Char('q'), KeyModifiers::ALT);
        assert_eq!(command(Mode::Findings, alt), None);
    }
}
