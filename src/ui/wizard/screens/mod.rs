//! What each screen shows, as lines; `view` draws them, `update` needs to know how many.

pub mod about;
pub mod chrome;
pub mod done;
pub mod findings;
pub mod help;
pub mod leaving;
pub mod options;
pub mod patch;
pub mod review;
pub mod scanning;
pub mod strategies;

use ratatui::text::Line;

use super::layout::{Areas, Shape};
use super::state::{Focus, Overlay, Screen, State};
use super::widgets::markdown;
use super::widgets::pane::Pane;

/// Lines per row of the list on the screen.
pub fn row_height(state: &State, areas: &Areas) -> usize {
    match state.screen {
        // Six rows: with air between them where there is room, in one line where there is none.
        Screen::Strategies => match areas.list_inner().height {
            18.. => 3,
            0..12 if areas.shape == Shape::Single => 1,
            _ => 2,
        },
        Screen::Findings | Screen::Patch => match areas.list_inner().width {
            0..70 => 2,
            _ => 1,
        },
        _ => 2,
    }
}

/// The details beside the list, or the whole text of a screen without one.
pub fn details(state: &State, areas: &Areas) -> Vec<Line<'static>> {
    let columns = usize::from(areas.details_inner().width);
    if columns == 0 && state.screen != Screen::Done {
        return Vec::new();
    }
    match state.screen {
        Screen::Strategies => strategies::details(state, columns),
        Screen::Findings => findings::details(state, columns),
        Screen::Review => review::details(state, columns),
        Screen::Done => done::lines(state, usize::from(areas.body_inner().width)),
        Screen::Scanning | Screen::Patch | Screen::Commit => Vec::new(),
    }
}

/// How long the details are, and how much of them is seen.
pub fn details_extent(state: &State, areas: &Areas) -> (usize, usize) {
    let inner = match state.screen {
        Screen::Done => areas.body_inner(),
        _ => areas.details_inner(),
    };
    (details(state, areas).len(), usize::from(inner.height))
}

/// How long the difference on the screen is, and how much of it is seen.
pub fn diff_extent(state: &State, areas: &Areas) -> (usize, usize) {
    if !matches!(state.screen, Screen::Patch | Screen::Commit) {
        return (0, 0);
    }
    let height = usize::from(areas.body_inner().height);
    (patch::content(state, areas).lines.len(), height)
}

/// The lines of what lies over the screen, where it is a text.
pub fn overlay(state: &State, areas: &Areas) -> Vec<Line<'static>> {
    let columns = usize::from(Pane::inner(true, areas.overlay()).width);
    match &state.overlay {
        Some(Overlay::Help { .. }) => help::lines(state, columns),
        Some(Overlay::Page { page, .. }) => markdown::render(page, columns, state.theme),
        Some(Overlay::AboutScan { .. }) => about::lines(state, columns),
        Some(Overlay::Leaving) => leaving::lines(state, columns),
        Some(Overlay::Options { .. }) | None => Vec::new(),
    }
}

/// How long what lies over the screen is, and how much of it is seen.
pub fn overlay_extent(state: &State, areas: &Areas) -> (usize, usize) {
    let height = usize::from(Pane::inner(true, areas.overlay()).height);
    match state.overlay {
        Some(Overlay::Options { .. }) => (0, options::visible_rows(height)),
        _ => (overlay(state, areas).len(), height),
    }
}

/// How many steps a page is on whatever the keys go to.
pub fn page(state: &State, areas: &Areas) -> usize {
    if state.overlay.is_some() {
        return overlay_extent(state, areas).1;
    }
    match state.screen {
        Screen::Patch | Screen::Commit | Screen::Done => usize::from(areas.body_inner().height),
        _ if state.focus == Focus::Details => usize::from(areas.details_inner().height),
        _ => usize::from(areas.list_inner().height) / row_height(state, areas),
    }
}
