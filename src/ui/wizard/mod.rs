//! The full-screen wizard: scan, read, tick, review, apply.
//!
//! ```text
//! keys, results, signals ─► Action ─► update(state) ─► Effect ─► worker threads
//!                                         │
//!                                         └─► view(state)
//! ```

mod action;
mod commands;
mod editor;
mod input;
mod keymap;
mod layout;
mod screens;
mod state;
pub mod terminal;
mod theme;
mod typing;
mod update;
mod view;
mod widgets;
mod worker;

use std::path::Path;
use std::sync::mpsc::{self, Receiver};

use action::{Action, Effect};
use input::Input;
use signal_hook::consts::SIGTSTP;
use signal_hook::low_level::emulate_default_handler;
use state::State;
use terminal::Screen;
use theme::Theme;
use worker::Worker;

use super::Outcome;
use crate::error::Error;
use crate::settings::Settings;

/// How the wizard looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WizardOptions {
    /// No colour at all: words, marks, weight and reverse video carry everything.
    pub mono: bool,
}

impl WizardOptions {
    /// No colour where `NO_COLOR` is set or the terminal is a dumb one.
    pub fn from_environment() -> Self {
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self {
            mono: no_color || dumb,
        }
    }
}

/// Runs the wizard on the terminal until the user leaves it; the settings of this `run` go before
/// the project's. What it returns is to be printed:
/// it stays when the screen has gone.
pub fn run(path: &Path, run: Settings, options: WizardOptions) -> Result<Outcome, Error> {
    let theme = match options.mono {
        true => Theme::MONO,
        false => Theme::COLORED,
    };
    // The theme has decided; crossterm would otherwise decide again, by NO_COLOR alone.
    crossterm::style::force_color_output(!options.mono);
    let mut screen = Screen::take()?;
    let mut state = State::new(path.into(), screen.size()?, theme);
    screen.draw(&state)?;
    let (sender, actions) = mpsc::channel();
    let input = Input::start(sender.clone())?;
    let answers = run.answers.clone();
    let worker = Worker::new(path, run, sender);
    worker.scan(answers);
    worker.git();
    let mut stage = Stage {
        screen: &mut screen,
        input: &input,
        worker: &worker,
    };
    stage.play(&mut state, &actions)
}

/// Everything outside of the state.
struct Stage<'a> {
    screen: &'a mut Screen,
    input: &'a Input,
    worker: &'a Worker,
}

impl Stage<'_> {
    /// Waits for something to happen, takes in all that has, and draws once.
    fn play(&mut self, state: &mut State, actions: &Receiver<Action>) -> Result<Outcome, Error> {
        while let Ok(first) = actions.recv() {
            for action in std::iter::once(first).chain(actions.try_iter()) {
                self.act(state, action)?;
                if let Some(outcome) = state.ended.take() {
                    return Ok(outcome);
                }
            }
            self.screen.draw(state)?;
        }
        Ok(Outcome::nothing())
    }

    /// Takes one action in and has its effects done.
    fn act(&mut self, state: &mut State, action: Action) -> Result<(), Error> {
        let mut waiting = vec![self.complete(action)];
        while let Some(action) = waiting.pop() {
            if let Some(effect) = update::update(state, action) {
                waiting.extend(self.perform(state, effect)?);
            }
        }
        Ok(())
    }

    /// A lost worker's last words are known to the screen's panic hook only.
    fn complete(&self, action: Action) -> Action {
        match action {
            Action::WorkerLost(text) => {
                Action::WorkerLost(self.screen.worker_panic().unwrap_or(text))
            }
            other => other,
        }
    }

    /// Does what the state asks for; what happened at once comes back as actions.
    fn perform(&mut self, state: &State, effect: Effect) -> Result<Vec<Action>, Error> {
        match effect {
            Effect::Suspend => Ok(vec![self.suspend()?]),
            Effect::Edit { path, line } => {
                let (input, screen) = (self.input, &mut *self.screen);
                let edited = input.pause(|| screen.lend(|| editor::open(&path, line)))?;
                Ok(vec![Action::Edited(edited), self.resized()?])
            }
            // `play` sees by itself that the state has ended.
            Effect::Quit => Ok(Vec::new()),
            Effect::Work(job) => {
                self.worker.start(state, job);
                Ok(Vec::new())
            }
        }
    }

    /// Stops the process as ctrl-z does elsewhere, and goes on where `fg` resumes it.
    fn suspend(&mut self) -> Result<Action, Error> {
        let (input, screen) = (self.input, &mut *self.screen);
        let stopped = input.pause(|| screen.lend(|| emulate_default_handler(SIGTSTP)))?;
        stopped.map_err(Error::Terminal)?;
        self.resized()
    }

    /// The terminal's size may have changed while somebody else had it.
    fn resized(&self) -> Result<Action, Error> {
        let (width, height) = self.screen.size()?;
        Ok(Action::Resize(width, height))
    }
}

#[cfg(test)]
mod tests;
