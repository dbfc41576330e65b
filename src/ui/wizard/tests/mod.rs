//! The wizard without a terminal: screens as text, keys as lists, results from real threads.

mod keys;
mod sample;
mod screens;
mod updates;

use std::path::Path;
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::action::{Action, Effect};
use super::state::State;
use super::theme::Theme;
use super::worker::Worker;
use super::{update, view};
use crate::settings::Settings;
use crate::strategies::Answers;

/// The key of a name as the footer writes it.
pub fn key(name: &str) -> KeyEvent {
    if let Some(character) = name.strip_prefix("ctrl-") {
        let character = character.chars().next().unwrap();
        return KeyEvent::new(KeyCode::Char(character), KeyModifiers::CONTROL);
    }
    let code = match name {
        "enter" => KeyCode::Enter,
        "esc" => KeyCode::Esc,
        "tab" => KeyCode::Tab,
        "space" => KeyCode::Char(' '),
        "pgdn" => KeyCode::PageDown,
        "backspace" => KeyCode::Backspace,
        other => KeyCode::Char(other.chars().next().unwrap()),
    };
    KeyEvent::new(code, KeyModifiers::NONE)
}

/// The screen of a state as text.
pub fn screen(state: &State) -> String {
    let (width, height) = state.size;
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| view::view(state, frame)).unwrap();
    let buffer = terminal.backend().buffer();
    let mut text = String::new();
    for y in 0..height {
        let mut line = String::new();
        let mut x = 0;
        while x < width {
            let symbol = buffer[(x, y)].symbol();
            line.push_str(symbol);
            // A wide character covers the cell behind it.
            x += u16::try_from(super::widgets::text::width(symbol))
                .unwrap()
                .max(1);
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Presses keys by name; effects are handed out.
pub fn press(state: &mut State, names: &[&str]) -> Vec<Effect> {
    let pressed = names
        .iter()
        .map(|name| update::update(state, Action::Key(key(name))));
    pressed.flatten().collect()
}

/// A wizard with its real worker threads.
pub struct Play {
    pub state: State,
    worker: Worker,
    actions: Receiver<Action>,
    /// What was asked for that only a terminal can do.
    pub effects: Vec<Effect>,
}

impl Play {
    pub fn open(path: &Path) -> Self {
        let (sender, actions) = mpsc::channel();
        let worker = Worker::new(path, Settings::default(), sender);
        worker.scan(Answers::default());
        worker.git();
        Self {
            state: State::new(path.into(), (120, 40), Theme::MONO),
            worker,
            actions,
            effects: Vec::new(),
        }
    }

    fn act(&mut self, action: Action) {
        match update::update(&mut self.state, action) {
            Some(Effect::Work(job)) => self.worker.start(&self.state, job),
            Some(effect) => self.effects.push(effect),
            None => {}
        }
    }

    /// Presses keys by name, or types a text that starts with `=`.
    pub fn press(&mut self, names: &[&str]) {
        for name in names {
            match name.strip_prefix('=') {
                Some(text) => self.act(Action::Paste(text.into())),
                None => self.act(Action::Key(key(name))),
            }
        }
    }

    /// Lets results come in until the screen shows `text`.
    pub fn until(&mut self, text: &str) -> String {
        let end = Instant::now() + Duration::from_secs(20);
        loop {
            let shown = screen(&self.state);
            if shown.contains(text) {
                return shown;
            }
            let left = end.saturating_duration_since(Instant::now());
            let Ok(action) = self.actions.recv_timeout(left) else {
                panic!("`{text}` does not come:\n{shown}");
            };
            self.act(action);
        }
    }
}
