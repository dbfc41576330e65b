//! Where things go, for a size: shared by `update`, which keeps scrolling inside, and `view`.

use ratatui::layout::{Constraint, Layout, Rect};

use super::state::{Focus, Screen, State};
use super::widgets::pane::Pane;

/// The smallest screen that is used.
pub const SMALLEST: (u16, u16) = (40, 10);

/// How the body is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// List and details side by side.
    Beside,
    /// List over details.
    Below,
    /// One of them at a time.
    Single,
}

/// The parts of the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Areas {
    pub header: Rect,
    pub body: Rect,
    pub footer: Rect,
    pub shape: Shape,
    /// The frame of the list; empty when it is not shown.
    pub list: Rect,
    /// The frame of the details; empty when they are not shown.
    pub details: Rect,
    pub framed: bool,
}

pub fn is_too_small(size: (u16, u16)) -> bool {
    size.0 < SMALLEST.0 || size.1 < SMALLEST.1
}

impl Areas {
    pub fn of(state: &State) -> Self {
        let (width, height) = state.size;
        let all = Rect::new(0, 0, width, height);
        let [header, body, footer] = Layout::vertical([
            Constraint::Length(1),
            Constraint::Fill(1),
            Constraint::Length(1),
        ])
        .areas(all);
        let shape = match (width, height) {
            (100.., 16..) => Shape::Beside,
            (60.., 20..) => Shape::Below,
            _ => Shape::Single,
        };
        let (list, details) = split(state, shape, body);
        Self {
            header,
            body,
            footer,
            shape,
            list,
            details,
            framed: shape != Shape::Single,
        }
    }

    /// Where the list's rows go.
    pub fn list_inner(&self) -> Rect {
        Pane::inner(self.framed, self.list)
    }

    /// Where the details' lines go.
    pub fn details_inner(&self) -> Rect {
        Pane::inner(self.framed, self.details)
    }

    /// Where the content goes of screens that have one pane.
    pub fn body_inner(&self) -> Rect {
        Pane::inner(self.framed, self.body)
    }

    /// Where a text over the screen goes, with its frame.
    pub fn overlay(&self) -> Rect {
        let width = self.body.width.min(92);
        let height = self.body.height;
        Rect {
            x: self.body.x + (self.body.width - width) / 2,
            y: self.body.y,
            width,
            height,
        }
    }
}

fn split(state: &State, shape: Shape, body: Rect) -> (Rect, Rect) {
    let none = Rect::new(body.x, body.y, 0, 0);
    match shape {
        Shape::Beside => {
            let [list, details] =
                Layout::horizontal([Constraint::Percentage(44), Constraint::Fill(1)]).areas(body);
            (list, details)
        }
        Shape::Below => {
            // Six strategies of two lines and a frame; lists of findings share the height.
            let share = match state.screen {
                Screen::Strategies => body.height.saturating_sub(8).min(14),
                _ => body.height * 2 / 5,
            };
            let [list, details] =
                Layout::vertical([Constraint::Length(share), Constraint::Fill(1)]).areas(body);
            (list, details)
        }
        Shape::Single => match state.focus {
            Focus::List => (body, none),
            Focus::Details => (none, body),
        },
    }
}
