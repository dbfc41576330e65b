//! The terminal's life: taken over, given back, given away for a while, on every way out.

use std::io::{self, BufWriter, Stdout, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, ThreadId};

use crossterm::cursor::{Hide, Show};
use crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use crossterm::execute;
use crossterm::terminal::{
    BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen,
    disable_raw_mode, enable_raw_mode,
};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;

use super::state::State;
use super::view;
use crate::error::Error;

/// Whether this program holds the terminal. One process has one terminal.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// A full screen that gives the terminal back when it is dropped or when its thread panics.
pub struct Screen {
    terminal: Terminal<CrosstermBackend<BufWriter<Stdout>>>,
    panics: Arc<Mutex<Option<String>>>,
}

impl Screen {
    /// Takes the terminal over: raw mode, alternate screen, pastes as one event. From now on a
    /// panic of this thread gives it back before it is reported; a panic of another thread is
    /// kept for [`Screen::worker_panic`] and does not write over the screen.
    pub fn take() -> Result<Self, Error> {
        let panics = Arc::new(Mutex::new(None));
        hook_panics(Arc::clone(&panics), thread::current().id());
        take().map_err(Error::Terminal)?;
        let backend = CrosstermBackend::new(BufWriter::new(io::stdout()));
        match Terminal::new(backend) {
            Ok(terminal) => Ok(Self { terminal, panics }),
            Err(error) => {
                give_back();
                Err(Error::Terminal(error))
            }
        }
    }

    /// Draws `state` in one step, so that the terminal never shows half a screen.
    pub fn draw(&mut self, state: &State) -> Result<(), Error> {
        let mut draw = || -> io::Result<()> {
            execute!(self.terminal.backend_mut(), BeginSynchronizedUpdate)?;
            self.terminal.draw(|frame| view::view(state, frame))?;
            execute!(self.terminal.backend_mut(), EndSynchronizedUpdate)
        };
        draw().map_err(Error::Terminal)
    }

    /// The size in columns and rows.
    pub fn size(&self) -> Result<(u16, u16), Error> {
        let size = self.terminal.size().map_err(Error::Terminal)?;
        Ok((size.width, size.height))
    }

    /// Lets `work` have the terminal as the shell left it, then takes it back.
    pub fn lend<T>(&mut self, work: impl FnOnce() -> T) -> Result<T, Error> {
        give_back();
        let result = work();
        take().map_err(Error::Terminal)?;
        // A new one draws everything; `Terminal::clear` would ask the terminal for its cursor
        // and wait for an answer that the input thread reads.
        let backend = CrosstermBackend::new(BufWriter::new(io::stdout()));
        self.terminal = Terminal::new(backend).map_err(Error::Terminal)?;
        Ok(result)
    }

    /// What the last panicking worker said.
    pub fn worker_panic(&self) -> Option<String> {
        let mut panics = self.panics.lock().unwrap_or_else(PoisonError::into_inner);
        panics.take()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

fn take() -> io::Result<()> {
    enable_raw_mode()?;
    TAKEN.store(true, Ordering::SeqCst);
    let entered = execute!(
        io::stdout(),
        EnterAlternateScreen,
        EnableBracketedPaste,
        Hide
    );
    if entered.is_err() {
        give_back();
    }
    entered
}

/// Gives the terminal back as far as it goes; safe to call at any time, and more than once.
fn give_back() {
    if !TAKEN.swap(false, Ordering::SeqCst) {
        return;
    }
    // There is nobody to tell of a terminal that is gone.
    let _ = execute!(
        io::stdout(),
        EndSynchronizedUpdate,
        DisableBracketedPaste,
        LeaveAlternateScreen,
        Show
    );
    let _ = disable_raw_mode();
    let _ = io::stdout().flush();
}

fn hook_panics(panics: Arc<Mutex<Option<String>>>, screen_thread: ThreadId) {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if thread::current().id() != screen_thread && TAKEN.load(Ordering::SeqCst) {
            let mut panics = panics.lock().unwrap_or_else(PoisonError::into_inner);
            *panics = Some(panic.to_string());
            return;
        }
        give_back();
        report(panic);
    }));
}
