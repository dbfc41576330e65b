//! The screen for a state. Reads only.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Clear, Paragraph};

use super::layout::{Areas, SMALLEST, is_too_small};
use super::screens::{self, chrome};
use super::state::{Focus, Overlay, Screen, State};
use super::widgets::list::Rows;
use super::widgets::pane::{Pane, draw_lines, position};
use super::widgets::text::fit;

/// Draws everything.
pub fn view(state: &State, frame: &mut Frame<'_>) {
    let size = (frame.area().width, frame.area().height);
    if is_too_small(size) {
        return too_small(frame, size);
    }
    // Between a resize and its event the two sizes differ: nothing is drawn outside.
    if size != state.size {
        return;
    }
    let areas = Areas::of(state);
    frame.render_widget(Paragraph::new(chrome::header(state)), areas.header);
    match state.screen {
        Screen::Scanning => scanning(state, &areas, frame),
        Screen::Patch | Screen::Commit => difference(state, &areas, frame),
        Screen::Done => whole(state, &areas, frame),
        Screen::Strategies | Screen::Findings | Screen::Review => panes(state, &areas, frame),
    }
    over(state, &areas, frame);
    frame.render_widget(Paragraph::new(chrome::footer(state)), areas.footer);
}

fn too_small(frame: &mut Frame<'_>, (width, height): (u16, u16)) {
    let (least_width, least_height) = SMALLEST;
    let size = format!("{width}x{height}");
    let texts = [
        format!("Too small ({size}): at least {least_width}x{least_height}, or use --plain"),
        format!("{size} is too small; try --plain"),
        format!("{size}: --plain"),
    ];
    let fits = |text: &&String| text.len() <= usize::from(width);
    let text = texts.iter().find(fits).unwrap_or(&texts[2]);
    let area = frame.area();
    let line = Rect {
        height: area.height.min(1),
        ..area
    };
    let text = fit(text, usize::from(width));
    frame.render_widget(Paragraph::new(Line::from(Span::raw(text))), line);
}

fn scanning(state: &State, areas: &Areas, frame: &mut Frame<'_>) {
    let body = areas.body;
    let margin = if body.width >= 60 { 4 } else { 1 };
    let top = (body.height / 6).min(4);
    let inner = Rect {
        x: body.x + margin,
        y: body.y + top,
        width: body.width.saturating_sub(2 * margin),
        height: body.height.saturating_sub(top),
    };
    let lines = screens::scanning::lines(state, usize::from(inner.width));
    draw_lines(frame, inner, &lines, 0);
}

fn difference(state: &State, areas: &Areas, frame: &mut Frame<'_>) {
    let content = screens::patch::content(state, areas);
    let height = usize::from(areas.body_inner().height);
    let title = screens::patch::title(state);
    let pane = Pane {
        title: &title,
        note: &position(state.diff_scroll, height, content.lines.len()),
        focused: true,
        framed: areas.framed,
    };
    let inner = pane.draw(frame, areas.body, state.theme);
    draw_lines(frame, inner, &content.lines, state.diff_scroll);
}

fn whole(state: &State, areas: &Areas, frame: &mut Frame<'_>) {
    let lines = screens::details(state, areas);
    let height = usize::from(areas.body_inner().height);
    let pane = Pane {
        title: "Done",
        note: &position(state.scroll, height, lines.len()),
        focused: true,
        framed: areas.framed,
    };
    let inner = pane.draw(frame, areas.body, state.theme);
    draw_lines(frame, inner, &lines, state.scroll);
}

fn panes(state: &State, areas: &Areas, frame: &mut Frame<'_>) {
    if areas.list.width > 0 {
        list(state, areas, frame);
    }
    if areas.details.width > 0 {
        details(state, areas, frame);
    }
}

fn list(state: &State, areas: &Areas, frame: &mut Frame<'_>) {
    let height = screens::row_height(state, areas);
    let rows = match state.screen {
        Screen::Findings => state.rows(),
        _ => Vec::new(),
    };
    let review = screens::review::rows(state);
    let (title, note, length, cursor) = match state.screen {
        Screen::Strategies => (
            "Strategies: now → after".to_owned(),
            screens::strategies::overall(state),
            6,
            state.strategies,
        ),
        Screen::Findings => (
            findings_title(state, rows.len()),
            filter_note(state),
            rows.len(),
            state.findings,
        ),
        _ => (
            "What will be made".to_owned(),
            String::new(),
            review.len(),
            state.review.cursor,
        ),
    };
    let title = match (state.screen, areas.shape) {
        (Screen::Strategies, super::layout::Shape::Below) => "Strategies: before → now → after",
        _ => &title,
    };
    let focused = state.focus == Focus::List;
    let pane = Pane {
        title,
        note: &note,
        focused,
        framed: areas.framed,
    };
    let inner = pane.draw(frame, areas.list, state.theme);
    let drawn = Rows {
        cursor,
        length,
        height,
        focused,
    };
    drawn.draw(frame, inner, state.theme, |index| match state.screen {
        Screen::Strategies => screens::strategies::row(state, areas, index, height),
        Screen::Findings => rows.get(index).map_or_else(Vec::new, |row| {
            screens::findings::row(state, areas, *row, height)
        }),
        _ => review
            .get(index)
            .map_or_else(Vec::new, |row| screens::review::row(state, areas, *row)),
    });
}

fn findings_title(state: &State, shown: usize) -> String {
    let all = state
        .survey
        .as_ref()
        .map_or(0, |survey| survey.rows(state.strategies.selected).len());
    match shown == all {
        true => format!("{} ({all})", state.strategy().title),
        false => format!("{} ({shown} of {all})", state.strategy().title),
    }
}

fn filter_note(state: &State) -> String {
    match state.filter.is_empty() {
        true => String::new(),
        false => format!("filter: {} (esc shows all)", state.filter),
    }
}

fn details(state: &State, areas: &Areas, frame: &mut Frame<'_>) {
    let lines = screens::details(state, areas);
    let height = usize::from(areas.details_inner().height);
    let title = match state.screen {
        Screen::Strategies => state.strategy().title.to_owned(),
        Screen::Findings => "Finding".to_owned(),
        _ => match screens::review::selected(state) {
            Some(screens::review::Row::Commit(_)) => "Commit".to_owned(),
            Some(screens::review::Row::Refused(_)) => "Left out".to_owned(),
            _ => "What happens".to_owned(),
        },
    };
    let pane = Pane {
        title: &title,
        note: &position(state.scroll, height, lines.len()),
        focused: state.focus == Focus::Details,
        framed: areas.framed,
    };
    let inner = pane.draw(frame, areas.details, state.theme);
    draw_lines(frame, inner, &lines, state.scroll);
}

fn over(state: &State, areas: &Areas, frame: &mut Frame<'_>) {
    let (title, scroll) = match &state.overlay {
        None => return,
        Some(Overlay::Options { .. }) => return screens::options::draw(state, areas, frame),
        Some(Overlay::Help { scroll }) => ("Keys on this screen", *scroll),
        Some(Overlay::Page { title, scroll, .. }) => (title.as_str(), *scroll),
        Some(Overlay::AboutScan { scroll }) => ("About this scan", *scroll),
        Some(Overlay::Leaving) => ("Quit?", 0),
    };
    let lines = screens::overlay(state, areas);
    let room = areas.overlay();
    let wanted = u16::try_from(lines.len() + 2).unwrap_or(u16::MAX);
    let area = Rect {
        height: room.height.min(wanted),
        ..room
    };
    let height = usize::from(Pane::inner(true, area).height);
    frame.render_widget(Clear, area);
    let pane = Pane {
        title,
        note: &position(scroll, height, lines.len()),
        focused: true,
        framed: true,
    };
    let inner = pane.draw(frame, area, state.theme);
    draw_lines(frame, inner, &lines, scroll);
}
