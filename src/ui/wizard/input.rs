//! Keys, sizes and signals, as actions from their own threads.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossterm::event::{self, Event};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGTSTP};
use signal_hook::iterator::{Handle, Signals};

use super::action::Action;
use crate::error::Error;

/// How long the thread waits for a key before it looks whether it shall stop or pause. Keys
/// that come are handed on at once.
const LOOK_UP: Duration = Duration::from_millis(50);

/// How long the end waits for the thread. One that reads a terminal which has hung up never
/// comes back: crossterm reads its end of file again and again.
const LONGEST_WAIT: Duration = Duration::from_millis(500);

/// The thread that reads the terminal.
pub struct Input {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    signals: Handle,
}

#[derive(Default)]
struct Shared {
    ended: AtomicBool,
    paused: AtomicBool,
    /// Held while the terminal is read.
    reading: Mutex<()>,
}

impl Input {
    pub fn start(sender: Sender<Action>) -> Result<Self, Error> {
        let mut signals =
            Signals::new([SIGTERM, SIGHUP, SIGINT, SIGTSTP]).map_err(Error::Terminal)?;
        let handle = signals.handle();
        let to = sender.clone();
        thread::Builder::new()
            .spawn(move || {
                for signal in signals.forever() {
                    if to.send(Action::Signal(signal)).is_err() {
                        return;
                    }
                }
            })
            .map_err(Error::Terminal)?;
        let shared = Arc::new(Shared::default());
        let state = Arc::clone(&shared);
        let thread = thread::Builder::new()
            .spawn(move || {
                // A terminal that cannot be read has hung up.
                if state.read(&sender).is_err() {
                    let _ = sender.send(Action::Signal(SIGHUP));
                }
            })
            .map_err(Error::Terminal)?;
        Ok(Self {
            shared,
            thread: Some(thread),
            signals: handle,
        })
    }

    /// Leaves the terminal to `work`: no key of it is taken away.
    pub fn pause<T>(&self, work: impl FnOnce() -> T) -> T {
        self.shared.paused.store(true, Ordering::SeqCst);
        let reading = self.shared.reading.lock();
        let _quiet = reading.unwrap_or_else(PoisonError::into_inner);
        let result = work();
        self.shared.paused.store(false, Ordering::SeqCst);
        if let Some(thread) = &self.thread {
            thread.thread().unpark();
        }
        result
    }
}

impl Drop for Input {
    /// Waits for the thread, so that it takes no key that is meant for the shell. A thread that
    /// does not end has no terminal any more, and ends with the process.
    fn drop(&mut self) {
        self.signals.close();
        self.shared.ended.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let started = Instant::now();
            while !thread.is_finished() && started.elapsed() < LONGEST_WAIT {
                thread::sleep(Duration::from_millis(1));
            }
            if thread.is_finished() {
                // A thread that panicked reads no more keys either.
                let _ = thread.join();
            }
        }
    }
}

impl Shared {
    fn read(&self, sender: &Sender<Action>) -> io::Result<()> {
        while !self.ended.load(Ordering::SeqCst) {
            if self.paused.load(Ordering::SeqCst) {
                thread::park_timeout(LOOK_UP);
                continue;
            }
            let _reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
            if !event::poll(LOOK_UP)? {
                continue;
            }
            let action = match event::read()? {
                Event::Key(key) => Action::Key(key),
                Event::Paste(text) => Action::Paste(text),
                Event::Resize(width, height) => Action::Resize(width, height),
                Event::FocusGained | Event::FocusLost | Event::Mouse(_) => continue,
            };
            if sender.send(action).is_err() {
                return Ok(());
            }
        }
        Ok(())
    }
}
